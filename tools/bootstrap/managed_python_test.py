from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import managed_python
import pytest
from managed_python import ensure_interpreters
from messages import PreparationError

_MINOR = sys.version_info[1]


@pytest.fixture()
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """What was fetched: links to the interpreter at hand, which has the right version."""
    calls: list[list[int]] = []

    def fetch(cache: Path, minors: Sequence[int], environment: object) -> None:
        calls.append(list(minors))
        folder = cache / "python" / f"cpython-3.{_MINOR}.1-x-y-z" / "bin"
        folder.mkdir(parents=True)
        program = folder / f"python3.{_MINOR}"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        program.chmod(0o755)

    monkeypatch.setattr(managed_python, "_fetch", fetch)
    return calls


def test_what_the_machine_has_is_not_fetched(tmp_path: Path, fetched: list[list[int]]) -> None:
    environment = {"PATH": "/none", f"PTE_PYTHON3{_MINOR}": sys.executable}
    found = ensure_interpreters(tmp_path, {_MINOR: ("json",)}, environment)
    assert found[_MINOR].samefile(sys.executable)
    assert fetched == []


def test_what_it_lacks_is_fetched_at_once(tmp_path: Path, fetched: list[list[int]]) -> None:
    found = ensure_interpreters(tmp_path, {_MINOR: ("json",)}, {"PATH": "/none"})
    assert found[_MINOR].samefile(sys.executable)
    assert fetched == [[_MINOR]]


def test_an_interpreter_without_the_modules_will_not_do(
    tmp_path: Path, fetched: list[list[int]]
) -> None:
    with pytest.raises(PreparationError, match="has no module no_such_module"):
        ensure_interpreters(tmp_path, {_MINOR: ("no_such_module",)}, {"PATH": "/none"})
    assert fetched == [[_MINOR]]


def test_a_wrong_choice_of_the_user_is_an_error(tmp_path: Path, fetched: list[list[int]]) -> None:
    environment = {"PATH": "/none", f"PTE_PYTHON3{_MINOR}": "/none"}
    with pytest.raises(PreparationError, match="is not a CPython"):
        ensure_interpreters(tmp_path, {_MINOR: ()}, environment)
    assert fetched == []
