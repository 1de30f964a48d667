from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from doctor.checks.finding import State, can_build
from doctor.checks.machine import (
    check_disk,
    check_interpreters,
    check_memory,
    check_package_sources,
    check_torch_wheel,
    without_password,
)


def test_each_interpreter_is_told_with_its_remedy() -> None:
    asked = []

    def find(minor: int, modules: tuple[str, ...], environment: Mapping[str, str]) -> Path:
        asked.append((minor, modules, dict(environment)))
        if minor == 9:
            raise ValueError("no CPython 3.9 found.\nInstall one.")
        return Path("/python3.11")

    old, new = check_interpreters(find, {"PATH": "/bin"})
    assert (old.state, old.found, old.remedy) == (
        State.missing,
        "no CPython 3.9 found.",
        "Install one.",
    )
    assert (new.state, new.found, new.remedy) == (State.ok, "/python3.11", "")
    assert old.needed and new.needed
    assert asked == [
        (9, ("venv", "ensurepip"), {"PATH": "/bin"}),
        (11, ("pip",), {"PATH": "/bin"}),
    ]


def test_one_source_that_answers_is_enough() -> None:
    why_not = {"https://a": "no answer", "file:///b": ""}
    findings = check_package_sources(["https://a"], ["file:///b"], why_not.__getitem__)
    assert [each.state for each in findings] == [State.missing, State.ok]
    assert "pip config debug" in findings[0].remedy
    assert can_build(findings)


def test_no_source_that_answers_is_a_failure() -> None:
    assert not can_build(check_package_sources(["https://a"], [], lambda _: "no answer"))
    assert not can_build(check_package_sources([], [], lambda _: ""))


def test_a_password_is_not_shown() -> None:
    url = "https://name:secret@example.org/simple/"
    assert without_password(url) == "https://example.org/simple/"
    assert without_password("file:///folder") == "file:///folder"
    (finding,) = check_package_sources([url], [], lambda _: "")
    assert "secret" not in finding.subject


def test_the_wheel_of_torch(tmp_path: Path) -> None:
    wheel = tmp_path / "torch.whl"
    assert check_torch_wheel(None, 3).state == State.ok
    assert check_torch_wheel(wheel, 3).state == State.limited
    wheel.write_bytes(b"12")
    assert check_torch_wheel(wheel, 3).state == State.limited
    wheel.write_bytes(b"123")
    assert check_torch_wheel(wheel, 3).state == State.ok


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
    finding = check_disk(Path("/cache"), free)
    assert finding.state == state
    assert bool(finding.remedy) == (state != State.ok)
