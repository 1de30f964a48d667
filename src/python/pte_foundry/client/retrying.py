"""Retry what may succeed later, a bounded number of times."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pte_foundry.client.errors import DownloadError

_Result = TypeVar("_Result")


class TransientError(Exception):
    """An attempt failed, but the next one may succeed. `wait`: the seconds that the server asked for, if any."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass(frozen=True)
class Retrying:
    """How often and how patiently.

    Attributes:
        attempts: at most this many in all.
        first_delay: seconds before the second attempt; each later delay is twice the one before.
        longest_delay: upper bound of every delay in seconds, even one that the server asks for.
        sleep: called with seconds.
    """

    attempts: int = 5
    first_delay: float = 0.5
    longest_delay: float = 30.0
    sleep: Callable[[float], None] = time.sleep

    def run(self, what: str, action: Callable[[], _Result]) -> _Result:
        """The result of `action`, repeated while it raises `TransientError`.

        Raises:
            DownloadError: after the last attempt, naming `what` and each attempt's reason.
        """
        reasons: list[str] = []
        delay = self.first_delay
        while True:
            try:
                return action()
            except TransientError as error:
                reasons.append(str(error))
                if len(reasons) >= self.attempts:
                    raise DownloadError(_message(what, reasons)) from error
                self.sleep(min(delay if error.wait is None else error.wait, self.longest_delay))
                delay *= 2


def _message(what: str, reasons: list[str]) -> str:
    lines = "; ".join(f"attempt {number}: {why}" for number, why in enumerate(reasons, 1))
    return (
        f"{what} could not be fetched. {lines}. Try again later: "
        "what has arrived is kept, and the download resumes from there"
    )
