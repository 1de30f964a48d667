"""How far a threshold is from what was measured."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from workspace.errors import ToolError

SUGGESTED_SLACK = 8.0
"""Between the 10 that a threshold may leave and the factor of 2 or so by which float errors differ between CPUs."""
_DIGITS = 2


@dataclass(frozen=True)
class Slack:
    """One threshold of one test.

    Attributes:
        address: of the program.
        field: of `pte_test`; it begins with `min_` or `max_`.
        measured: the worst value over all inputs and all validations that were read.
    """

    address: str
    field: str
    measured: float
    threshold: float

    @property
    def times(self) -> float | None:
        """How many times the measured error the threshold allows; None if there was no error at all.

        The error of a value with a minimum (a cosine, a share) is its distance from 1.
        """
        allowed, found = self._error(self.threshold), self._error(self.measured)
        return None if found <= 0.0 else allowed / found

    @property
    def suggested(self) -> float | None:
        """A threshold at `SUGGESTED_SLACK`, rounded up to two digits of the error."""
        found = self._error(self.measured)
        if found <= 0.0:
            return None
        error = SUGGESTED_SLACK * found
        step = 10.0 ** (math.floor(math.log10(error)) - _DIGITS + 1)
        places = max(0, _DIGITS - 1 - math.floor(math.log10(error)))
        rounded = round(math.ceil(error / step) * step, places)
        return round(1.0 - rounded, places) if self._is_least else rounded

    @property
    def _is_least(self) -> bool:
        return self.field.startswith("min_")

    def _error(self, value: float) -> float:
        return 1.0 - value if self._is_least else value


def read_slacks(files: Iterable[Path]) -> list[Slack]:
    """The thresholds of all validations, by address and field; for several of one program, the worst measured values.

    Raises:
        ToolError: for a file that is not a `<stem>.validation.json`.
    """
    worst: dict[tuple[str, str], Slack] = {}
    for file in files:
        try:
            document = json.loads(file.read_text("utf-8"))
            found = [
                Slack(document["address"], field, float(each["measured"]), float(each["threshold"]))
                for field, each in document["thresholds"].items()
            ]
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise ToolError(f"{file} is not the result of a validation: {error!r}") from error
        for slack in found:
            before = worst.get((slack.address, slack.field))
            if before is None or slack._error(slack.measured) > before._error(before.measured):
                worst[slack.address, slack.field] = slack
    return [slack for _, slack in sorted(worst.items())]
