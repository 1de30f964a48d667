from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import cast

import pytest

from bench.benchmarks import rebuild
from bench.benchmarks.measurement import Measurement
from bench.benchmarks.stand_in_repository import stand_in_setting
from workspace.errors import ToolError

# The export's result is the builder's text; it is done anew only for a text that was not there before.
# Who exports is appended to LOG.
LAUNCHER = f"""\
builder={rebuild.BUILDER}
mkdir -p dist/models/mobilenet
for argument; do
  case "$argument" in --local-execution-root-dir=*)
    sandbox="${{argument#*=}}/sandbox"
    mkdir -p "$sandbox/$(dirname $builder)"
    cp $builder "$sandbox/$builder"
    echo "echo bare >> LOG; cp $builder program.pte; echo > facts.json" > "$sandbox/__run.sh"
    echo "1 [INFO] Preserving local process execution dir $sandbox for Export {rebuild.PROGRAM}"
  esac
done
if ! cmp -s $builder seen; then cp $builder seen; sleep 0.1; echo pants >> LOG; exported; fi
cp $builder dist/models/mobilenet/mobilenet_v3_small_xnnpack.pte
"""


def run(tmp_path: Path, launcher: str) -> Measurement:
    script = launcher.replace("LOG", str(tmp_path / "log"))
    (row,) = rebuild.run(stand_in_setting(tmp_path, script, {rebuild.BUILDER: "x = 1\n"}))
    return row


def test_pants_is_compared_in_turns_with_the_process_in_its_sandbox(tmp_path: Path) -> None:
    row = run(tmp_path, LAUNCHER)
    warm_up, timed = ["pants", "bare"], ["pants", "bare"] * 2
    assert (tmp_path / "log").read_text().split() == ["pants", *warm_up, *timed]
    measured = cast("list[float]", row.details["measured_seconds"])
    baseline = cast("list[float]", row.details["baseline_seconds"])
    assert row.value == pytest.approx(median(measured) / median(baseline), rel=0.05)


def test_an_edit_that_exports_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"but exported \[\]"):
        run(tmp_path, LAUNCHER.replace("exported; fi", ":; fi"))


def test_other_bytes_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="gave other bytes"):
        run(tmp_path, LAUNCHER.replace("echo > facts", "echo >> program.pte; echo > facts"))
