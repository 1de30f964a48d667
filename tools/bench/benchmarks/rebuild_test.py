from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import cast

import pytest

from bench.benchmarks import rebuild
from bench.benchmarks.measurement import Measurement
from bench.benchmarks.stand_in_exports import ADDRESS, files, launcher
from bench.benchmarks.stand_in_repository import stand_in_setting
from workspace.errors import ToolError


def run(folder: Path, from_: str = "", to: str = "") -> Measurement:
    log = folder / "log"
    setting = stand_in_setting(folder, launcher(log).replace(from_, to), files(log))
    (row,) = rebuild.run(replace(setting, programs=(ADDRESS,)))
    return row


def test_pants_is_compared_in_turns_with_the_script(tmp_path: Path) -> None:
    row = run(tmp_path)
    # The first export is the one that leaves its sandbox.
    assert [line.split()[0] for line in (tmp_path / "log").read_text().splitlines()] == [
        *("pants", "pip"),
        *("pants", "stock") * 3,
    ]
    measured = cast("list[float]", row.details["measured_seconds"])
    baseline = cast("list[float]", row.details["baseline_seconds"])
    assert len(measured) == 2
    assert row.value == pytest.approx(median(measured) / median(baseline), rel=0.05)
    assert row.details["program"] == ADDRESS


def test_a_spread_of_programs_is_measured_unless_some_are_named() -> None:
    families = {address.partition(":")[0] for address in rebuild.PROGRAMS}
    assert families == {"models/mobilenet", "models/yolo", "models/pe_core"}
    assert {address.rpartition("_")[2] for address in rebuild.PROGRAMS} == {"xnnpack"}


def test_an_edit_that_exports_nothing_is_an_error(tmp_path: Path) -> None:
    # Only the builder's edit goes unseen.
    with pytest.raises(ToolError, match=r"mobilenet.py, .*but exported \[\]"):
        run(tmp_path, "cat src/python/pte_foundry/models/mobilenet.py", "cat")
