from __future__ import annotations

from pte_foundry.errors import PteError
from pte_foundry.validation.case import Outcome, run_case, run_case_for, skipped


def _raise(error: Exception) -> Outcome:
    raise error


def test_a_check_without_problems_passes() -> None:
    case = run_case("a", "run", lambda: Outcome("fine", measured={"x": 1}))
    assert case.to_json() == {
        "name": "a",
        "kind": "run",
        "status": "passed",
        "message": "fine",
        "measured": {"x": 1},
        "thresholds": {},
    }


def test_problems_fail_and_keep_what_was_measured() -> None:
    case = run_case("a", "mismatch", lambda: Outcome("fine", ("one", "two"), {"x": 1}))
    assert (case.status, case.message, case.measured) == ("failed", "one; two", {"x": 1})


def test_exceptions_are_failures_of_the_case() -> None:
    expected = run_case("a", "build", lambda: _raise(PteError("bad-checkpoint", "no such file")))
    assert (expected.status, expected.kind) == ("failed", "build")
    assert expected.message == "bad-checkpoint: no such file"
    other = run_case("a", "run", lambda: _raise(RuntimeError("error 0x12")))
    assert other.status == "failed" and "RuntimeError: error 0x12" in other.message


def test_a_value_comes_with_its_case_unless_the_check_raised() -> None:
    assert run_case_for("a", "run", lambda: (Outcome("", ("bad",)), 7))[1] == 7
    assert run_case_for("a", "run", lambda: (_raise(ValueError()), 7))[1] is None


def test_a_skip_is_visible_by_kind_and_status() -> None:
    assert (skipped("a", "why").kind, skipped("a", "why").status) == ("skipped", "skipped")
