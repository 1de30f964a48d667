"""`./foundry doctor` on a machine with a Python and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("bash", "dirname", "readlink")


@pytest.fixture()
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a user without packages, without Pants and without a network."""
    (tmp_path / "bin").mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        (tmp_path / "bin" / name).symlink_to(found)
    python = tmp_path / "bin" / "python3"
    # Nothing but the standard library, whatever is installed here.
    python.write_text(f'#!/bin/sh\nexec "{os.path.realpath(sys.executable)}" -S "$@"\n')
    python.chmod(0o755)
    return {
        "HOME": str(tmp_path / "home"),
        "PATH": str(tmp_path / "bin"),
        "PIP_INDEX_URL": "http://127.0.0.1:1/simple",
        "UV_PYTHON_INSTALL_MIRROR": "http://127.0.0.1:1/mirror",
        # A proxy that answers nothing: no host can be reached.
        "HTTPS_PROXY": "http://127.0.0.1:1",
    }


def doctor(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(ROOT / "foundry"), "doctor", *arguments],
        cwd=environment["HOME"].rpartition("/")[0],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_answers_at_once_where_nothing_can_be_built(machine: dict[str, str]) -> None:
    before = time.monotonic()
    done = doctor(machine, "--json")
    # The machine of a test may be busy; alone it takes less than 2 s.
    assert time.monotonic() - before < 15
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    assert answer["can_build"] is False
    findings = {each["subject"]: each for each in answer["findings"]}
    assert "refused" in findings["CPython 3.9"]["found"]
    assert answer["next"] == findings["CPython 3.9"]["command"]
    # Each host once, with all that it would have had.
    hosts = [each["found"] for each in answer["findings"] if each["found"].startswith("github.com")]
    assert len(hosts) == 1
    assert {"yolo11n_weights", "yolov5n_weights"} < set(hosts[0].partition(": ")[2].split(", "))


def test_people_get_a_table(machine: dict[str, str]) -> None:
    done = doctor(machine)
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-2] == "Next:" and lines[-1].startswith("  PTE_PYTHON39=")
    assert max(map(len, lines[:-1])) <= 80


def test_help_and_wrong_use(machine: dict[str, str]) -> None:
    help_text = doctor(machine, "--help")
    assert help_text.returncode == 0
    assert help_text.stdout.startswith("Usage: ./foundry doctor [OPTIONS]\n")
    wrong = doctor(machine, "--nonsense")
    assert wrong.returncode == 2 and "--nonsense" in wrong.stderr


def test_nothing_is_written(machine: dict[str, str], tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    doctor(machine, "--disk")
    doctor(machine)
    assert sorted(tmp_path.rglob("*")) == before
