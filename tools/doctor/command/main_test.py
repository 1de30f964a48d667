"""`doctor` as a command of `tools/foundry`: the same as `./foundry doctor`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from doctor.command import main


def test_arguments_and_exit_code_are_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []

    def doctor(arguments: list[str], root: Path, program: str) -> int:
        given.append((arguments, root))
        return 1

    monkeypatch.setattr(main, "main", doctor)
    monkeypatch.setattr(main, "find_root", lambda: tmp_path)
    assert CliRunner().invoke(main.app, ["--disk", "--json"]).exit_code == 1
    assert CliRunner().invoke(main.app, []).exit_code == 1
    assert given == [(["--disk", "--json"], tmp_path), ([], tmp_path)]
