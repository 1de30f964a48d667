"""What runs on a worker, with scripts in place of a PEX."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from pte_build.remote_runs import worker_run
from pte_build.remote_runs.run import _TOOK
from pte_build.remote_runs.worker_run import CHECK, main, run_line, worker_name

# Notes its arguments and its PEX_ROOT, then does what the second argument says.
_PEX = """
import os, signal, sys
with open("log", "a") as log:
    print(os.environ.get("PEX_ROOT"), *sys.argv[1:2], file=log)
if sys.argv[1] != "-c":
    exec(sys.argv[2])
"""


@pytest.fixture()
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the worker keeps; the working directory is a sandbox with a PEX."""
    sandbox = tmp_path / "sandbox"
    sandbox.mkdir()
    (sandbox / "pex").write_text(_PEX)
    monkeypatch.chdir(sandbox)
    monkeypatch.setenv("PEX_ROOT", ".pex_root")
    folder = tmp_path / "kept"
    monkeypatch.setattr(worker_run, "KEPT", folder)
    return folder


def log() -> list[str]:
    return Path("log").read_text().splitlines()


def test_the_toolchain_is_prepared_in_the_kept_folder_and_run_there(kept: Path) -> None:
    kept.mkdir()
    assert main(["pex", "run", "print()"]) == 0
    assert log() == [f"{kept}/pex_root -c", f"{kept}/pex_root run"]


def test_without_a_kept_folder_the_sandbox_is_used(
    kept: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["pex", "run", "print()"]) == 0
    assert log() == [".pex_root run"]
    assert f"no folder {kept} to keep toolchains in" in capfd.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else_is_not_used(kept: Path) -> None:
    kept.mkdir(mode=0o555)
    assert main(["pex", "run", "print()"]) == 0
    assert log() == [".pex_root run"]


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("sys.exit(3)", 3),
        ("os.kill(os.getpid(), signal.SIGKILL)", 128 + signal.SIGKILL),
    ],
)
def test_it_ends_as_the_process_does(kept: Path, code: str, exit_code: int) -> None:
    assert main(["pex", "run", code]) == exit_code


def test_it_says_who_ran_it_and_what_the_stages_took(
    kept: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stage = "print('900000000000 exporting', file=open('.progress/some-file', 'w'))"
    assert main(["pex", "run", stage]) == 0
    said = _TOOK.search(capfd.readouterr().err)
    assert said is not None
    assert said["name"] == worker_name(Path("none"))
    assert said["stages"].startswith("starting ")
    assert ", exporting " in said["stages"]


def test_a_worker_can_have_a_name_of_its_own(tmp_path: Path) -> None:
    assert worker_name(tmp_path / "none") == os.uname().nodename
    (tmp_path / "name").write_text("fox 2\n")
    assert worker_name(tmp_path / "name") == "fox-2"


def test_seconds_are_those_between_marks(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("101.5 loading the model\n104.0 exporting\n110.0 \n")
    line = run_line(tmp_path, 100.0, 110.5)
    assert line.endswith("took 10.5 s (starting 1.5, loading the model 2.5, exporting 6.5)")
    assert re.match(r"worker: \S+ took ", line)


def test_what_else_a_process_leaves_there_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no number\n1 a\x1b[0m\n" + "1.5 " + "x" * 300 + "\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    assert run_line(tmp_path, 1.0, 2.0).endswith("took 1.0 s (starting 1.0)")


def test_a_check_writes_the_file_and_describes_the_worker(
    kept: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kept.mkdir()
    assert main([CHECK, "canary"]) == 0
    assert Path("canary").read_text()
    said = json.loads(capfd.readouterr().out)
    assert said["keeps"] is True
    assert said["python"].startswith(f"CPython {sys.version_info[0]}.{sys.version_info[1]}.")
    assert said["platform"] == " ".join((os.uname().sysname, os.uname().machine))
    assert not Path("log").exists()
