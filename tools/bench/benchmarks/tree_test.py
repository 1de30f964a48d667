from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import cast

import pytest

from bench.benchmarks import tree
from bench.benchmarks.stand_in_repository import stand_in_setting
from workspace.errors import ToolError

# The first build exports, later ones do not. Each writes the tree where there is none.
LAUNCHER = """\
[ -e built ] || exported
[ ! -e dist/tree ] || { echo "not into an empty dist/"; exit 1; }
touch built
mkdir -p dist/tree/1.4.1
echo program > dist/tree/1.4.1/NAME
echo LINE >> LOG
"""


def launcher(log: Path, name: str = "a.pte") -> str:
    return LAUNCHER.replace("LOG", str(log)).replace("NAME", name)


def test_each_round_writes_the_whole_tree(tmp_path: Path) -> None:
    setting = stand_in_setting(tmp_path, launcher(tmp_path / "log"), {})
    (row,) = tree.run(setting)
    assert len((tmp_path / "log").read_text().split()) == 3
    measured = cast("list[float]", row.details["measured_seconds"])
    baseline = cast("list[float]", row.details["baseline_seconds"])
    assert len(measured) == len(baseline) == 2
    assert row.value == pytest.approx(median(measured) / median(baseline), rel=0.05)
    assert (row.details["files"], row.details["bytes"]) == (1, len("program\n"))
    assert list(setting.scratch.iterdir()) == []


def test_a_build_that_is_never_warm_is_an_error(tmp_path: Path) -> None:
    text = launcher(tmp_path / "log").replace("touch built", ":")
    with pytest.raises(ToolError, match="should be in the cache"):
        tree.run(stand_in_setting(tmp_path, text, {}))


def test_a_tree_without_programs_is_an_error(tmp_path: Path) -> None:
    text = launcher(tmp_path / "log", "index.json")
    with pytest.raises(ToolError, match="has no .pte file"):
        tree.run(stand_in_setting(tmp_path, text, {}))
