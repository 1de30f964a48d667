"""What the pages say of a program that its index entry does not: model, task, and where its measured values lie."""

from __future__ import annotations

from dataclasses import dataclass

from pte_foundry.records.json_fields import Fields
from pte_foundry.records.paths import check_path


@dataclass(frozen=True)
class Listed:
    """Attributes:
    address: of the `pte_program`; the index has the same one.
    model: name without precision, so that all programs of a model share a page.
    task: what the BUILD file says that the model does; None if it says nothing.
    validation: path of the program's validation.json, relative to the working directory.
    """

    address: str
    model: str
    task: str | None
    validation: str

    @staticmethod
    def read(fields: Fields) -> Listed:
        """Raises PteError `bad-request` or `bad-path` naming the field that is missing or wrong."""
        # It becomes a file's name.
        model = check_path(fields.text("model"), fields.where)
        if "/" in model:
            raise fields.error("model", f"is {model!r}, which names a folder")
        return Listed(
            fields.text("address"),
            model,
            fields.optional_text("task"),
            check_path(fields.text("validation"), fields.where),
        )
