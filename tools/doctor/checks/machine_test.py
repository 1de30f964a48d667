from __future__ import annotations

from pathlib import Path

import pytest

from doctor.checks.finding import State, can_build
from doctor.checks.machine import (
    check_disk,
    check_interpreter,
    check_memory,
    check_package_sources,
    check_torch_wheel,
    without_password,
)

ARCHIVES = ("https://a.example/x", "https://b.example/x")


def none() -> str | None:
    raise ValueError("no CPython 3.9 found.\nInstall one.")


def never(url: str) -> str:
    raise AssertionError(f"{url} was asked")


def test_an_interpreter_that_is_there_wins() -> None:
    finding = check_interpreter(11, "for exports", lambda: "/python3.11", ARCHIVES, never)
    assert (finding.subject, finding.state, finding.found, finding.remedy) == (
        "CPython 3.11",
        State.ok,
        "/python3.11",
        "",
    )


def test_an_interpreter_that_can_be_fetched_is_no_obstacle() -> None:
    finding = check_interpreter(
        9, "for Pants", none, ARCHIVES, {ARCHIVES[0]: "refused", ARCHIVES[1]: ""}.__getitem__
    )
    assert finding.state == State.limited and "next ./pants fetches it" in finding.found
    assert can_build([finding])


def test_an_interpreter_that_cannot_be_had_has_its_ways_out() -> None:
    finding = check_interpreter(9, "for Pants", none, ARCHIVES, lambda _: "refused")
    assert finding.state == State.missing and not can_build([finding])
    assert finding.found.startswith("no CPython 3.9 found. It cannot be fetched")
    assert "a.example: refused; b.example: refused" in finding.found
    for way in ("pyenv", "PTE_PYTHON39", "UV_PYTHON_INSTALL_MIRROR"):
        assert way in finding.remedy


def test_a_slow_interpreter_is_told() -> None:
    finding = check_interpreter(9, "for Pants", lambda: None, ARCHIVES, never)
    assert finding.state == State.limited and "slow" in finding.found


def test_one_source_that_answers_is_enough() -> None:
    why_not = {"https://a": "no answer", "file:///b": "", "file:///c": ""}
    findings = check_package_sources(["https://a"], ["file:///b", "file:///c"], why_not.__getitem__)
    assert [(each.state, each.found) for each in findings] == [
        (State.ok, "file:///b, file:///c"),
        (State.missing, "https://a: no answer"),
    ]
    assert "pip config debug" in findings[1].remedy
    assert can_build(findings)


def test_no_source_that_answers_is_a_failure() -> None:
    assert not can_build(check_package_sources(["https://a"], [], lambda _: "no answer"))
    assert not can_build(check_package_sources([], [], lambda _: ""))


def test_a_password_is_not_shown() -> None:
    url = "https://name:secret@example.org/simple/"
    assert without_password(url) == "https://example.org/simple/"
    assert without_password("file:///folder") == "file:///folder"
    for why in ("", "refused"):
        (finding,) = check_package_sources([url], [], lambda _: why)  # noqa: B023
        assert "secret" not in finding.found


def test_the_wheel_of_torch() -> None:
    url = "https://torch.example/whl"
    assert check_torch_wheel(False, None, url, never).state == State.ok
    assert check_torch_wheel(True, 192_000_000, url, never).state == State.ok
    later = check_torch_wheel(False, 192_000_000, url, lambda _: "")
    assert later.state == State.limited and "fetches it (192 MB)" in later.found
    refused = check_torch_wheel(False, 192_000_000, url, lambda _: "refused")
    assert refused.state == State.limited and "torch.example: refused" in refused.found
    assert "find-links" in refused.remedy


GB = 1_000_000_000


@pytest.mark.parametrize(
    ("available", "parallel", "state"),
    [
        (2 * GB, 1, State.missing),
        (3 * GB, 1, State.ok),
        (11 * GB, 4, State.limited),
        (12 * GB, 4, State.ok),
    ],
)
def test_memory_has_to_suffice_for_an_export_and_better_for_all(
    available: int, parallel: int, state: State
) -> None:
    assert check_memory(available, parallel).state == state


def test_the_remedy_names_the_number_that_fits() -> None:
    assert "parallelism=3" in check_memory(11 * GB, 4).remedy


@pytest.mark.parametrize(
    ("free", "state"), [(4 * GB, State.missing), (5 * GB, State.limited), (20 * GB, State.ok)]
)
def test_disk(free: int, state: State) -> None:
    finding = check_disk(str(Path("/cache")), free)
    assert finding.state == state
    assert bool(finding.remedy) == (state != State.ok)
