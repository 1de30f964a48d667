from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from doctor.checks.finding import State
from doctor.checks.interpreters import check_interpreters


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
