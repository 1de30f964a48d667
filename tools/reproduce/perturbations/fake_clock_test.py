from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reproduce.perturbations.fake_clock import clock_environment
from workspace.errors import ToolError

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="libfaketime's wheel has the library for Linux only"
)


def test_a_process_and_its_children_have_another_time(tmp_path: Path) -> None:
    environment = {**os.environ, **clock_environment(1_000_000_000, tmp_path)}
    shown = subprocess.run(
        ["/bin/sh", "-c", 'date +%s; "$0" -c "import time; print(time.time())"', sys.executable],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    child, now = map(float, shown.stdout.split())
    assert 1_000_000_000 <= child < 1_000_000_100
    assert 1_000_000_000 <= now < 1_000_000_100


def test_a_path_that_cannot_be_preloaded_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "with a blank"
    folder.mkdir()
    with pytest.raises(ToolError, match="with a blank: nothing can be preloaded"):
        clock_environment(0, folder)
