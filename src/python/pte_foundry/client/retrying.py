"""Try again what may succeed later, a bounded number of times."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pte_foundry.client.errors import DownloadError

_Result = TypeVar("_Result")


class TransientError(Exception):
    """This attempt failed, the next one may not.

    Attributes:
        wait: seconds that the server asked to wait; None if it did not say.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass(frozen=True)
class Retrying:
    """How often and how patiently.

    Attributes:
        attempts: at most this many in all.
        first_delay: seconds before the second attempt; each later delay is twice the one before.
        longest_delay: bound of every delay in seconds, one that the server asks for included.
        sleep: called with seconds.
    """

    attempts: int = 5
    first_delay: float = 0.5
    longest_delay: float = 30.0
    sleep: Callable[[float], None] = time.sleep

    def run(self, what: str, action: Callable[[], _Result]) -> _Result:
        """The first result of `action` that is no `TransientError`.

        Raises:
            DownloadError: naming `what` and each attempt's reason, after the last attempt. All that
                `action` raises beside `TransientError` comes through at once.
        """
        reasons: list[str] = []
        delay = self.first_delay
        while True:
            try:
                return action()
            except TransientError as error:
                reasons.append(str(error))
                if len(reasons) >= self.attempts:
                    raise DownloadError(_told(what, reasons)) from error
                self.sleep(min(delay if error.wait is None else error.wait, self.longest_delay))
                delay *= 2


def _told(what: str, reasons: list[str]) -> str:
    lines = "; ".join(f"attempt {number}: {why}" for number, why in enumerate(reasons, 1))
    return (
        f"{what} could not be fetched. {lines}. Try again later: "
        "what has arrived is kept and the download goes on from there"
    )
