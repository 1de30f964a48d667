from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from interpreters import find_interpreter
from messages import PreparationError

_MINOR = sys.version_info[1]
_NAME = f"python3.{_MINOR}"


def _program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def _environment(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), "PATH": str(home / "bin"), **more}


def test_a_shim_that_works_is_resolved_to_the_interpreter_behind_it(tmp_path: Path) -> None:
    shim = _program(tmp_path / "bin" / _NAME, f'exec "{sys.executable}" "$@"')
    found = find_interpreter(_MINOR, ("json",), _environment(tmp_path), tmp_path)
    assert found.executable != shim
    assert found.executable.samefile(sys.executable)
    assert found.modules == ("json",)


def test_a_shim_that_fails_is_passed_over_for_pyenvs_newest_version(tmp_path: Path) -> None:
    _program(tmp_path / "bin" / _NAME, "exit 127")
    facts = {"implementation": "CPython", "version": [3, _MINOR], "modules": []}
    for patch in ("2", "10", "9"):
        path = tmp_path / ".pyenv" / "versions" / f"3.{_MINOR}.{patch}" / "bin" / _NAME
        _program(path, f"echo '{json.dumps({**facts, 'executable': str(path)})}'")
    found = find_interpreter(_MINOR, (), _environment(tmp_path), tmp_path).executable
    assert found.parts[-3] == f"3.{_MINOR}.10"


def test_uv_is_asked_last_and_told_not_to_download(tmp_path: Path) -> None:
    _program(
        tmp_path / "bin" / "uv",
        'case "$*" in *--no-python-downloads*) echo "%s";; *) exit 1;; esac' % sys.executable,
    )
    found = find_interpreter(_MINOR, (), _environment(tmp_path), tmp_path)
    assert found.executable.samefile(sys.executable)


def test_the_launchers_own_come_last_and_the_newest_first(tmp_path: Path) -> None:
    facts = {"implementation": "CPython", "version": [3, _MINOR], "modules": []}
    for patch in ("9", "10"):
        name = f"python/cpython-3.{_MINOR}.{patch}-linux-x86_64-gnu/bin/{_NAME}"
        path = tmp_path / name
        _program(path, f"echo '{json.dumps({**facts, 'executable': str(path)})}'")
    environment = _environment(tmp_path)
    own = find_interpreter(_MINOR, (), environment, tmp_path).executable
    assert own.parts[-3] == f"cpython-3.{_MINOR}.10-linux-x86_64-gnu"
    _program(tmp_path / "bin" / _NAME, f'exec "{sys.executable}" "$@"')
    found = find_interpreter(_MINOR, (), environment, tmp_path).executable
    assert found.samefile(sys.executable)


def test_none_found_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(PreparationError) as caught:
        find_interpreter(9, (), _environment(tmp_path), tmp_path)
    for hint in ("no CPython 3.9", "pyenv install 3.9", "uv python install 3.9", "PTE_PYTHON39"):
        assert hint in str(caught.value)


@pytest.mark.parametrize("value", ["/nonexistent/python", sys.executable])
def test_a_wrong_choice_of_the_user_is_an_error_not_a_hint(tmp_path: Path, value: str) -> None:
    # No CPython 3.7 runs these tests, so neither value can be one.
    with pytest.raises(PreparationError, match=f"PTE_PYTHON37={value} is not a CPython 3.7"):
        find_interpreter(7, (), _environment(tmp_path, PTE_PYTHON37=value), tmp_path)


def test_a_missing_module_is_named(tmp_path: Path) -> None:
    _program(tmp_path / "bin" / _NAME, f'exec "{sys.executable}" "$@"')
    with pytest.raises(PreparationError, match="has no module no_such_module"):
        find_interpreter(_MINOR, ("json", "no_such_module"), _environment(tmp_path), tmp_path)
