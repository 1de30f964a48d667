"""What the process is asked that runs a program on pictures (standard library only)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pte_foundry.evaluation.task import Task
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.model_request import ModelRequest

EXECUTED, INTERPRETED, EAGER = "executed", "interpreted", "eager"


@dataclass(frozen=True)
class EvaluationRequest:
    """Paths are relative to the working directory, or absolute.

    Attributes:
        model: how the eager model is built, whose `preprocess` prepares the pictures.
        pte: the program; None for the eager model itself.
        interpreter: dotted name of the module that runs the delegate's payload where the runtime lacks the delegate;
            None if there is none.
        options: of the lowering.
        threads: of the runtime, or of torch for the eager model.
        pictures: SHA-256 of each file -> its path.
    """

    model: ModelRequest
    task: Task
    pte: str | None
    interpreter: str | None
    options: Mapping[str, str]
    threads: int
    pictures: Mapping[str, str]

    @staticmethod
    def read(fields: Fields) -> EvaluationRequest:
        """Raises PteError `bad-request` for a field that is missing, wrong or unknown."""
        fields.only("model", "task", "pte", "interpreter", "options", "threads", "pictures")
        return EvaluationRequest(
            ModelRequest.read(fields.nested("model")),
            Task.read(fields.nested("task")),
            fields.optional_text("pte"),
            fields.optional_text("interpreter"),
            fields.text_map("options"),
            fields.count("threads"),
            fields.text_map("pictures"),
        )

    def to_json(self) -> dict[str, object]:
        return {
            "model": self.model.to_json(),
            "task": self.task.to_json(),
            "pte": self.pte,
            "interpreter": self.interpreter,
            "options": dict(self.options),
            "threads": self.threads,
            "pictures": dict(self.pictures),
        }
