from __future__ import annotations

from pathlib import Path

import pytest

from doctor.facts.pip_files import pip_settings


def test_files_and_variables_count_as_for_pip(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "xdg")}
    site = tmp_path / "site"

    def index(**more: str) -> str:
        return pip_settings({**environment, **more}, site).indexes[0]

    for name in (".pip/pip.conf", ".config/pip/pip.conf", "site/pip.conf", "own"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"[global]\nindex-url = https://{file.parent.name}\n")
        assert index(PIP_CONFIG_FILE=str(tmp_path / "own")) == f"https://{file.parent.name}"
    assert index(PIP_INDEX_URL="https://variable") == "https://variable"
    assert index(PIP_CONFIG_FILE="/dev/null") == "https://pypi.org/simple/"


def test_several_lines_and_both_sections(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nfind_links =\n  /a\n  /b\nindex-url = https://g\n[install]\nindex-url = https://i\n"
    )
    settings = pip_settings({"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(file)}, None)
    assert settings.find_links[-2:] == ("file:///a", "file:///b")
    assert settings.indexes[0] == "https://i"


@pytest.mark.parametrize("text", ["no section", "[global]\ncert = /nowhere\n"])
def test_a_wrong_file_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"pip\.conf|/nowhere"):
        pip_settings({"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(file)}, None)
