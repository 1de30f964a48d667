from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import cast

import pytest

from bench.benchmarks import noop
from bench.benchmarks.stand_in_repository import stand_in_setting
from workspace.errors import ToolError

# The first build exports, later ones do nothing. The goals that were asked for are appended to LOG.
LAUNCHER = """\
case "$*" in
  *package*) [ -e built ] && sleep 0.1 || exported; touch built; echo package >> LOG ;;
  *list*) echo list >> LOG ;;
esac
"""


def test_later_builds_are_compared_in_turns_with_a_list(tmp_path: Path) -> None:
    log = tmp_path / "log"
    setting = stand_in_setting(tmp_path, LAUNCHER.replace("LOG", str(log)), {})
    (row,) = noop.run(setting)
    warm_up, timed = ["package", "list"] * 2, ["package", "list"] * 2
    assert log.read_text().split() == ["package", *warm_up, *timed]
    measured = cast("list[float]", row.details["measured_seconds"])
    baseline = cast("list[float]", row.details["baseline_seconds"])
    assert len(measured) == len(baseline) == 2
    assert row.value == pytest.approx(median(measured) / median(baseline), rel=0.05)
    assert list(setting.scratch.iterdir()) == []


def test_a_build_that_is_never_done_is_not_a_noop(tmp_path: Path) -> None:
    launcher = LAUNCHER.replace("touch built", ":").replace("LOG", str(tmp_path / "log"))
    with pytest.raises(ToolError, match="does not stay in the cache"):
        noop.run(stand_in_setting(tmp_path, launcher, {}))
