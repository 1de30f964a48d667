from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pte_foundry.errors import PteError
from pte_foundry.index.compare_main import main
from pte_foundry.index.index import build_index
from pte_foundry.records.json_files import read_json, write_json
from pte_foundry.testing.indexes import read_request, write_reports


@pytest.fixture()
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A committed and a built index, equal."""
    write_reports(tmp_path)
    index = build_index(read_request(tmp_path))
    committed, built = tmp_path / "index.json", tmp_path / "built.json"
    write_json(committed, index)
    write_json(built, index)
    return committed, built


def compare(files: tuple[Path, Path]) -> int:
    return main([str(file) for file in files])


def test_a_current_file(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(files) == 0
    assert capsys.readouterr().out == f"{files[0]} is current\n"


def test_a_stale_file_is_told_with_what_differs_and_what_to_do(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    index: Any = read_json(files[0])
    index["models"][0]["hash"] = "f" * 64
    write_json(files[0], index)
    assert compare(files) == 1
    told = capsys.readouterr().out
    assert (
        "is stale:\n  changed mobilenet/mobilenet_v3_small_portable.pte: hash ffffffffffff ->"
        in told
    )
    assert "./foundry update-index" in told


def test_another_form_of_the_same_content_is_stale(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    files[0].write_text(files[0].read_text().replace("\n", "\r\n"), newline="")
    assert compare(files) == 1
    assert "the same content in another form" in capsys.readouterr().out


def test_no_file(files: tuple[Path, Path]) -> None:
    files[0].unlink()
    with pytest.raises(PteError, match="does not exist. Make it: `./foundry update-index`"):
        compare(files)


def test_a_file_that_is_no_index(files: tuple[Path, Path]) -> None:
    files[0].write_text("<<<<<<< HEAD\n")
    with pytest.raises(PteError, match="no valid JSON"):
        compare(files)
