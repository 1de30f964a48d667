"""Times of two things, taken in turns, so that both run under the same load."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from bench.benchmarks.measurement import Goal, Measurement


@dataclass(frozen=True)
class TimeComparison:
    """Wall-clock seconds of each round, in order; equally many of both, at least one."""

    measured: tuple[float, ...]
    baseline: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median of `measured` over median of `baseline`."""
        return median(self.measured) / median(self.baseline)

    def row(
        self, benchmark: str, what: str, baseline: str, goal: Goal, **details: object
    ) -> Measurement:
        """The ratio, with `details` besides the times."""
        more = {**self.details(), **details}
        return Measurement(benchmark, what, baseline, self.ratio, "ratio", goal, more)

    def details(self) -> Mapping[str, object]:
        return {
            "measured_seconds": [round(seconds, 4) for seconds in self.measured],
            "measured_median": round(median(self.measured), 4),
            "baseline_seconds": [round(seconds, 4) for seconds in self.baseline],
            "baseline_median": round(median(self.baseline), 4),
        }


def compare(
    rounds: int,
    measured: Callable[[], float],
    baseline: Callable[[], float],
    progress: Callable[[str], None],
) -> TimeComparison:
    """Call both in turns, `rounds` times each, `measured` first. Each returns its seconds.

    Raises ValueError for fewer than one round.
    """
    if rounds < 1:
        raise ValueError(f"a comparison needs at least one round, not {rounds}")
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(1, rounds + 1):
        times[0].append(measured())
        times[1].append(baseline())
        progress(f"round {number} of {rounds}: {times[0][-1]:.2f} s against {times[1][-1]:.2f} s")
    return TimeComparison(tuple(times[0]), tuple(times[1]))
