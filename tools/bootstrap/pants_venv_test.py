from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pants_venv
import pytest
from pins import PlatformPins


def test_the_folder_depends_on_the_requirements_and_the_interpreter(tmp_path: Path) -> None:
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_text("a==1")
    two.write_text("a==2")
    a, b = Path("/a/python"), Path("/b/python")
    folders = {
        pants_venv.venv_folder(tmp_path, python, file) for python in (a, b) for file in (one, two)
    }
    assert len(folders) == 4
    assert pants_venv.venv_folder(tmp_path, a, one) in folders


@pytest.mark.parametrize("from_source", [(), ("ijson",)])
def test_only_hashed_files_and_wheels_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, from_source: tuple[str, ...]
) -> None:
    seen: list[list[str]] = []

    def make_venv(command: list[str], scratch: Path, env: Mapping[str, str], task: str) -> str:
        (Path(command[-1]) / "bin").mkdir(parents=True)
        return ""

    def install(
        python: Path, arguments: list[str], scratch: Path, env: Mapping[str, str], task: str
    ) -> str:
        seen.append(arguments)
        (python.parent / "pants").write_text(f"#!{python}\n")
        return ""

    monkeypatch.setattr(pants_venv, "run_step", make_venv)
    monkeypatch.setattr(pants_venv, "run_pip", install)
    requirements = tmp_path / "requirements.txt"
    requirements.touch()
    platform = PlatformPins(None, from_source, True)
    folder = pants_venv.ensure_pants_venv(tmp_path, Path("/python3.9"), requirements, platform, {})
    (arguments,) = seen
    assert "--require-hashes" in arguments
    assert arguments[arguments.index("--only-binary") + 1] == ":all:"
    assert ("--no-binary" in arguments) == bool(from_source)
    assert (folder / "bin" / "pants").read_text() == f"#!{folder}/bin/python\n"
