"""Where the time of a run went."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pte_build.progress.run_times import RunTimes, kind_of


def ran(description: str, seconds: float, where: str = "local") -> dict[str, Any]:
    return {
        "name": f"run_{where}_process",
        "description": description,
        "duration_secs": int(seconds),
        "duration_nanos": int(seconds % 1 * 1e9),
    }


@pytest.mark.parametrize(
    ("description", "kind"),
    [
        ("Export models/a:b", "exports"),
        ("Validate models/a:b", "validations"),
        ("Build the executorch+timm toolchain", "environments"),
        ("Building requirements.pex", "environments"),
        ("Run Pytest for src/a_test.py:tests", "tests"),
        ("Run MyPy on 3 files.", "lint and check"),
        ("Look up: Export models/a:b", "other"),
    ],
)
def test_kinds(description: str, kind: str) -> None:
    assert kind_of(description) == kind


def test_what_ran_is_summed_up_by_kind(tmp_path: Path) -> None:
    times = RunTimes()
    times.add([ran("Export a:c", 2.5), ran("Export a:b", 1, "remote"), ran("Validate a:b", 4)])
    times.add([{"name": "process", "description": "Export a:d", "duration_secs": 9}])
    times.add([ran("Run Pytest for src/a_test.py:tests", 1.25)])
    assert times.total() == 8.75
    line = "Ran 2 exports (4 s), 1 tests (1 s), 1 validations (4 s) in 0 s"
    assert times.line().startswith(line)
    file = tmp_path / "folder" / "times.jsonl"
    for _ in range(2):
        times.append_to(file)
    first, second = map(json.loads, file.read_text().splitlines())
    assert (
        first["kinds"]
        == second["kinds"]
        == {
            "exports": {"count": 2, "seconds": 3.5},
            "tests": {"count": 1, "seconds": 1.2},
            "validations": {"count": 1, "seconds": 4.0},
        }
    )
    # Not of each test: there are hundreds, and their targets' names are no use to anyone who counts programs.
    each = [["Export a:c", 2.5], ["Export a:b", 1.0], ["Validate a:b", 4.0]]
    assert first["processes"] == second["processes"] == each
