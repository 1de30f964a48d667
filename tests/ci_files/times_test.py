"""The last table of .ci/run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_runs_are_summed_up_by_kind(tmp_path: Path) -> None:
    runs = [
        {"seconds": 100.4, "kinds": {"exports": {"count": 3, "seconds": 90.0}}},
        {
            "seconds": 20.0,
            "kinds": {
                "exports": {"count": 1, "seconds": 5.5},
                "tests": {"count": 40, "seconds": 200.0},
            },
        },
    ]
    file = tmp_path / "times.jsonl"
    file.write_text("".join(json.dumps(run) + "\n" for run in runs))
    finished = subprocess.run(
        [sys.executable, ".ci/times.py", str(file)], capture_output=True, text=True, check=True
    )
    assert finished.stdout.splitlines() == [
        "processes          ran   seconds",
        "tests               40       200",
        "exports              4        96",
        "./pants in all       2       120",
    ]


def test_a_run_in_which_nothing_ran(tmp_path: Path) -> None:
    file = tmp_path / "times.jsonl"
    file.write_text('{"seconds": 1.0, "kinds": {}}\n')
    finished = subprocess.run(
        [sys.executable, ".ci/times.py", str(file)], capture_output=True, text=True, check=True
    )
    assert finished.stdout.splitlines()[1:] == ["./pants in all       1         1"]
