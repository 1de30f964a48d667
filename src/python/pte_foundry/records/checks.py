"""The checks and thresholds that a program's test applies (standard library only)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pte_foundry.records.json_fields import Fields
from pte_foundry.records.trained_checks import TrainedChecks

_RATIOS = ("max_size_ratio", "max_planned_memory_ratio")
_RELATIVE = "max_relative_error"


@dataclass(frozen=True)
class Checks:
    """Parity thresholds against the eager fp32 model, budgets, and checks of predictions.

    Attributes:
        min_cosine: least cosine similarity of an output, in [-1, 1]; None sets no bound.
        max_abs_difference: greatest absolute difference of an output's element, in the output's own
            unit; None sets no bound. At least one of the two is set.
        photographs: file name -> label that the top-1 class must have; for a detector the labels of
            objects that it must find, separated by commas.
        trained: what else trained weights are held to; None for nothing.
        max_size_ratio: greatest size of the file, as a multiple of the eager model's parameters in
            float32; None sets no bound.
        max_planned_memory_ratio: greatest planned memory, as a multiple of inputs and outputs; None
            sets no bound.
        max_relative_error: greatest length of an output's differences, as a share of the output's own length; None
            sets no bound. Unlike `max_abs_difference` it has no unit.
    """

    min_cosine: float | None
    max_abs_difference: float | None
    photographs: Mapping[str, str]
    trained: TrainedChecks | None = None
    max_size_ratio: float | None = None
    max_planned_memory_ratio: float | None = None
    max_relative_error: float | None = None

    @staticmethod
    def read(fields: Fields) -> Checks:
        """Raises PteError `bad-request` for ill-typed fields and for a set without any threshold."""
        cosine = fields.optional_number("min_cosine")
        difference = fields.optional_number("max_abs_difference")
        if cosine is None and difference is None:
            raise fields.error(
                "min_cosine", "and `max_abs_difference` are both null: parity would prove nothing"
            )
        if cosine is not None and not -1.0 <= cosine <= 1.0:
            raise fields.error("min_cosine", f"is {cosine}, not between -1 and 1")
        if difference is not None and difference < 0.0:
            raise fields.error("max_abs_difference", f"is {difference}, below 0")
        ratios = {name: fields.optional_number(name) for name in _RATIOS}
        for name, ratio in ratios.items():
            if ratio is not None and ratio <= 0.0:
                raise fields.error(name, f"is {ratio}, which no program could meet")
        relative = fields.optional_number(_RELATIVE) if fields.has(_RELATIVE) else None
        if relative is not None and relative < 0.0:
            raise fields.error(_RELATIVE, f"is {relative}, below 0")
        trained = fields.optional_nested("trained")
        return Checks(
            cosine,
            difference,
            fields.text_map("photographs"),
            None if trained is None else TrainedChecks.read(trained),
            **ratios,
            max_relative_error=relative,
        )

    def to_json(self) -> dict[str, object]:
        # Absent where it bounds nothing, so that reports stay as they were.
        relative = {} if self.max_relative_error is None else {_RELATIVE: self.max_relative_error}
        return {
            "min_cosine": self.min_cosine,
            "max_abs_difference": self.max_abs_difference,
            "photographs": dict(self.photographs),
            "trained": None if self.trained is None else self.trained.to_json(),
            "max_size_ratio": self.max_size_ratio,
            "max_planned_memory_ratio": self.max_planned_memory_ratio,
            **relative,
        }
