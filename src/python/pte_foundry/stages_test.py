from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pte_foundry.confinement.confined import confined
from pte_foundry.stages import FOLDER_VARIABLE, report_stages

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
    with report_stages(REQUEST) as begin:
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
    with pytest.raises(KeyError), report_stages(REQUEST) as begin:
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
    with report_stages(REQUEST) as begin:
        begin("loading")
    assert "stage: loading\n" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_confined_process_names_the_file_after_who_started_it(tmp_path: Path) -> None:
    (tmp_path / "sandbox").mkdir()
    code = (
        f"from {report_stages.__module__} import report_stages\nfrom {confined.__module__} import confined\n"
        f"def action():\n    with report_stages({REQUEST!r}):\n        return 0\nconfined(action)"
    )
    paths = os.pathsep.join(path for path in sys.path if path)
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "sandbox",
        env={**os.environ, "PYTHONPATH": paths, FOLDER_VARIABLE: str(tmp_path)},
        check=True,
    )
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [
        f"{FILE.partition('-')[0]}-{os.getpid()}"
    ]
