from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from pte_foundry.stages import FOLDER_VARIABLE, told_stages

REQUEST = b'{"model": 1}'
FILE = f"{hashlib.sha256(REQUEST).hexdigest()}-{os.getppid()}"


def _lines(folder: Path) -> list[tuple[float, str]]:
    parts = [line.split(" ", 1) for line in (folder / FILE).read_text().splitlines()]
    return [(float(at), stage) for at, stage in parts]


def test_stages_are_in_the_file_when_they_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    (tmp_path / FILE).write_text("0.000 of an earlier run\n")
    before = time.time()
    with told_stages(REQUEST) as begin:
        begin("loading")
        assert [stage for _, stage in _lines(tmp_path)] == ["loading"]
        begin("lowering with a.b")
        assert [stage for _, stage in _lines(tmp_path)] == ["loading", "lowering with a.b"]
    lines = _lines(tmp_path)
    assert [stage for _, stage in lines] == ["loading", "lowering with a.b", ""]
    times = [at for at, _ in lines]
    assert times == sorted(times)
    assert before - 0.001 <= times[0] and times[-1] <= time.time() + 0.001
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert capsys.readouterr().err == "stage: loading\nstage: lowering with a.b\n"


def test_a_failure_leaves_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(KeyError), told_stages(REQUEST) as begin:
        begin("loading")
        raise KeyError
    assert [stage for _, stage in _lines(tmp_path)] == ["loading"]


@pytest.mark.parametrize("folder", [None, "no/such/folder"])
def test_without_a_folder_stages_go_to_stderr_alone(
    folder: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    if folder is not None:
        monkeypatch.setenv(FOLDER_VARIABLE, folder)
    with told_stages(REQUEST) as begin:
        begin("loading")
    assert "stage: loading\n" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
