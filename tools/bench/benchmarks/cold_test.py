from __future__ import annotations

from pathlib import Path

import pytest

from bench.benchmarks import cold_build
from bench.benchmarks.kept_exports import KeptExports
from bench.benchmarks.measurement import Measurement
from bench.benchmarks.programs import BenchProgram
from bench.benchmarks.stand_in_repository import stand_in_setting
from workspace.errors import ToolError
from workspace.kept_sandbox import KeptSandbox, ProcessCost

COMMON = "src/python/pte_foundry/exporting/main.py"
ADDRESS = "models/mobilenet:mobilenet_v3_small_xnnpack"
# An export's result is the text of the module that all import. It is done anew only for a text not seen before, and
# leaves its sandbox if sandboxes are kept.
LAUNCHER = f"""\
case "$*" in *peek*) printf '[\n{{"address": "{ADDRESS}"}}\n]\n'; exit 0 ;; esac
mkdir -p dist/models/mobilenet
for argument; do
  case "$argument" in --local-execution-root-dir=*) sandbox="${{argument#*=}}/$(wc -c < {COMMON})" ;; esac
done
if ! cmp -s {COMMON} seen; then
  cp {COMMON} seen
  mkdir "$sandbox"
  cp {COMMON} "$sandbox/common.py"
  echo "echo bare >> LOG; cp common.py program.pte; echo > facts.json" > "$sandbox/__run.sh"
  echo "1 [INFO] Preserving local process execution dir $sandbox for Export {ADDRESS}"
  echo pants >> LOG
  sleep 0.2
  exported
fi
cp {COMMON} dist/models/mobilenet/mobilenet_v3_small_xnnpack.pte
"""


def run(folder: Path, launcher: str) -> tuple[Measurement, ...]:
    script = launcher.replace("LOG", str(folder / "log"))
    return cold_build.run(stand_in_setting(folder, script, {COMMON: "x = 1\n"}))


def test_the_exports_of_the_cold_build_run_again_without_pants(tmp_path: Path) -> None:
    ratio, memory = run(tmp_path, LAUNCHER)
    # The first one is what a cache would have had, the second one is timed.
    assert (tmp_path / "log").read_text().split() == ["pants", "pants", "bare"]
    assert ratio.value > 1 and not ratio.met
    assert 0 < memory.value < 0.1 and memory.met


def test_a_build_that_exports_nothing_is_not_cold(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"but exported \[\]"):
        run(tmp_path, LAUNCHER.replace("  exported\n", ""))


def test_other_bytes_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="gave other bytes"):
        run(tmp_path, LAUNCHER.replace("echo > facts", "echo >> program.pte; echo > facts"))


def test_times_add_up_and_the_largest_process_counts(tmp_path: Path) -> None:
    programs = [BenchProgram(f"models/a:{name}_xnnpack") for name in ("one", "two", "three")]
    kept = KeptExports(6.0, {program: KeptSandbox(tmp_path) for program in programs})
    peaks = (int(1e9), int(3.1e9), int(2e9))
    costs = {program: ProcessCost(4.0, peak) for program, peak in zip(programs, peaks)}
    ratio, memory = cold_build.rows(kept, costs)
    assert (ratio.value, ratio.met) == (0.5, True)
    assert memory.value == pytest.approx(3.1) and not memory.met
    assert "models/a:two_xnnpack" in memory.what
    assert memory.details["each_gb"] == {
        "models/a:one_xnnpack": 1.0,
        "models/a:two_xnnpack": 3.1,
        "models/a:three_xnnpack": 2.0,
    }
