"""Every process that runs in a toolchain confines itself, before it does anything else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "module",
    ["exporting.main", "tree.tree_main", "photographs.main", "validation.main"],
)
def test_a_main_module_confines_its_process(tmp_path: Path, module: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", f"pte_foundry.{module}", "--help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr.startswith("confinement: network: "), run.stderr
    assert list(tmp_path.iterdir()) == []
