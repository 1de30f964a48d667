from __future__ import annotations

import pytest

from pte_foundry.client.errors import DownloadError, WrongContentError
from pte_foundry.client.retrying import Retrying, TransientError


def run(retrying: Retrying, *errors: Exception) -> str:
    """Run an action that raises `errors` one after the other, then returns "done"."""
    left = list(errors)

    def action() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return retrying.run("a.pte", action)


def test_delays_double_up_to_a_bound() -> None:
    slept: list[float] = []
    retrying = Retrying(attempts=5, first_delay=1, longest_delay=3, sleep=slept.append)
    assert run(retrying, *[TransientError("busy")] * 4) == "done"
    assert slept == [1, 2, 3, 3]


def test_a_requested_wait_is_bounded() -> None:
    slept: list[float] = []
    retrying = Retrying(first_delay=1, longest_delay=30, sleep=slept.append)
    errors = [TransientError("busy", 7), TransientError("busy", 3600), TransientError("busy")]
    assert run(retrying, *errors) == "done"
    assert slept == [7, 30, 4]


def test_the_final_error_names_all_reasons() -> None:
    slept: list[float] = []
    with pytest.raises(DownloadError, match="a.pte .*attempt 1: cut; attempt 2: gone") as caught:
        run(Retrying(attempts=2, sleep=slept.append), TransientError("cut"), TransientError("gone"))
    assert caught.value.kind == "download-failed"
    assert len(slept) == 1


def test_other_errors_are_not_retried() -> None:
    with pytest.raises(WrongContentError):
        run(Retrying(sleep=lambda _: pytest.fail("waited")), WrongContentError("bad"))
