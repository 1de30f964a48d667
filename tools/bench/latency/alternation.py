"""Time several runtimes in turns, so that all of them run under the same load."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

# In each turn. The first inferences after a pause wake threads and fill caches.
_WARM_UP = 2
_TIMED = 6
ROUNDS = 5
"""Times 6 is 30 samples of each runtime."""

# Thread pools spin for some milliseconds after their last work.
_PAUSE_SECONDS = 0.05

Timer = Callable[[int, int], list[float]]
"""Takes the number of untimed and of timed inferences; returns the seconds of each timed one."""


def alternate(timers: Mapping[str, Timer], rounds: int) -> dict[str, list[float]]:
    """Seconds of all timed inferences by name. Each round starts with another one, so that none always comes first."""
    names = list(timers)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            time.sleep(_PAUSE_SECONDS)
            seconds[name] += timers[name](_WARM_UP, _TIMED)
    return seconds
