"""How far a program's outputs were from the eager model's, from its validation.json."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pte_foundry.records.json_fields import Fields

_CASE = "parity:"


@dataclass(frozen=True)
class MeasuredDifference:
    """Of one output for one input: largest and mean absolute difference. `of` names both, for people."""

    of: str
    largest: float
    mean: float


def read_differences(validation: Fields) -> tuple[MeasuredDifference, ...]:
    """Of all cases that compared the program with the eager model; none if nothing here can run it.

    Raises:
        PteError: `bad-request` naming the field that is missing or wrong.
    """
    found = []
    for case in validation.objects("cases"):
        name = case.text("name")
        if not name.startswith(_CASE) or case.text("status") == "skipped":
            continue
        measured = case.nested("measured")
        for output in sorted(measured.values):
            values = measured.nested(output)
            largest, mean = values.number("max_abs"), values.number("mean_abs")
            if not (0 <= mean <= largest < math.inf):
                raise values.error("max_abs", f"is {largest} and `mean_abs` is {mean}")
            found.append(MeasuredDifference(f"{name.removeprefix(_CASE)}, {output}", largest, mean))
    return tuple(found)
