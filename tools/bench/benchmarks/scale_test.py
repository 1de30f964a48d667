from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.benchmarks import scale
from bench.benchmarks.scale import Costs
from bench.benchmarks.scale_workspace import workspace_files
from bench.benchmarks.stand_in_repository import stand_in_setting
from pte_build.stand_in_workspace import COPIED
from workspace.errors import ToolError

# Exports ten programs first and after a changed checkpoint, one after a changed backend, and nothing that it has seen.
LAUNCHER = """\
case "$*" in *package*)
  build=$(cat models/*/BUILD) backend=$(cat src/python/pte_foundry/backends/backend_0.py)
  key=$(echo "$build $backend" | sha256sum | cut -c1-64)
  if ! [ -e seen.$key ]; then
    touch seen.$key
    if [ "$build" = "$(cat last 2>/dev/null)" ]; then exported; else for i in 0 1 2 3 4 5 6 7 8 9; do exported; done; fi
  fi
  echo "$build" > last
  mkdir -p .pids/0/pantsd; echo PID > .pids/0/pantsd/pid ;;
esac
"""
FILES = {name if "." in name else f"{name}/BUILD": "" for name in COPIED if name != "pants"}


def test_each_cost_of_each_size_is_measured(tmp_path: Path) -> None:
    setting = stand_in_setting(tmp_path, LAUNCHER.replace("PID", str(os.getpid())), FILES)
    rows = scale.run(setting, sizes=(10,))
    assert [row.what.split(":")[0] for row in rows] == ["10 programs"] * 3
    assert all(row.unit == "s" for row in rows)
    memory = rows[0].details["memory_gb"]
    assert isinstance(memory, float) and 0.001 < memory < 10


def test_what_exports_again_without_a_reason_is_not_a_noop(tmp_path: Path) -> None:
    launcher = LAUNCHER.replace("touch seen", ": seen").replace("PID", str(os.getpid()))
    with pytest.raises(ToolError, match="of 10 programs 0 should have been exported, but"):
        scale.run(stand_in_setting(tmp_path, launcher, FILES), sizes=(10,))


def costs(programs: int, noop: float, memory_gb: float) -> Costs:
    return Costs(programs, 1.0, 1.0, noop, 1.0, 1.0, memory_gb)


def test_growth_has_the_goal_of_being_linear() -> None:
    rows = scale.measurements([costs(10, 0.2, 0.5), costs(100, 2.1, 0.5), costs(200, 3.9, 2.0)])
    assert [(row.what, row.met) for row in rows if "noop" in row.what or "memory" in row.what] == [
        ("noop: 100 programs", False),
        ("memory gb: 100 programs", True),
        ("noop: 200 programs", True),
        ("memory gb: 200 programs", False),
    ]  # fmt: skip


def test_the_work_on_the_graph_is_what_goes_beyond_any_command() -> None:
    few = Costs(10, 1.0, 1.0, 1.3, 1.3, 1.3, 0.5)
    many = Costs(1000, 1.0, 1.0, 2.9, 3.2, 3.4, 0.5)
    rows = scale.measurements([few, many])[:3]
    assert [(row.value, row.met) for row in rows] == [(2.9, True), (1.9, True), (2.1, False)]


def test_a_workspace_has_a_program_of_each_model_for_each_backend() -> None:
    files = workspace_files(200)
    builds = [text for path, text in files.items() if path.startswith("models/")]
    assert len(builds) == 2
    assert [text.count("pte_program(") for text in builds] == [100, 100]
    assert "".join(builds).count("model_weights(") == 20
