from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.benchmarks import cold
from bench.benchmarks.measurement import Measurement
from bench.benchmarks.programs import BenchProgram
from bench.benchmarks.stand_in_exports import ADDRESS, files, launcher
from bench.benchmarks.stand_in_repository import stand_in_setting
from workspace.errors import ToolError
from workspace.kept_sandbox import ProcessCost
from workspace.pants_run import PantsRun

KINDS = {"exports": {"count": 1, "seconds": 0.1}, "tests": {"count": 7, "seconds": 3.0}}
# Fills the caches, writes its times if asked to, and logs how it was called.
COLD = f"""\
mkdir -p "$XDG_CACHE_HOME/pants/lmdb_store" "$XDG_CACHE_HOME/pants/named_caches" "$PTE_FOUNDRY_CACHE"
if [ -n "$PANTS_RUN_TIMES_FILE" ]; then
  echo '{json.dumps({"seconds": 2.0, "kinds": KINDS})}' >> "$PANTS_RUN_TIMES_FILE"
fi
echo "$PANTS_LOCAL_STORE_DIR$PIP_CACHE_DIR $*" >> CALLS
"""


def run(folder: Path, script: str = COLD, *programs: str) -> tuple[Measurement, ...]:
    log = folder / "log"
    pip = folder / "pip"
    pip.mkdir()
    (pip / "wheel").write_bytes(bytes(20_000_000))
    script = script.replace("CALLS", str(folder / "calls")) + launcher(log)
    setting = stand_in_setting(folder, script, files(log))
    users = {"PANTS_LOCAL_STORE_DIR": "/full", "PIP_CACHE_DIR": str(pip)}
    setting = replace(
        setting, environment={**setting.environment, **users}, programs=tuple(programs)
    )
    return cold.run(setting)


def test_the_readmes_command_runs_from_empty_caches_and_its_exports_again(tmp_path: Path) -> None:
    exports, whole, memory = run(tmp_path)
    log = [line.split()[0] for line in (tmp_path / "log").read_text().splitlines()]
    # Cold; alone, with sandboxes; the script; the largest program once more, for its memory.
    assert log == ["pants", "pants", "pip", "stock", "ours"]
    calls = (tmp_path / "calls").read_text().splitlines()
    # Neither the user's store nor sandboxes are in the cold run; pip's cache is the user's.
    assert calls[0].startswith(f"{tmp_path / 'pip'} --no-pantsrc")
    assert calls[0].endswith(" --weights-source=seeded test ::")
    assert "keep-sandboxes" not in calls[0]
    assert [call.split(" package ")[1] for call in calls[1:3]] == [ADDRESS, ADDRESS]
    assert exports.value > 0 and exports.goal.bound == 0.35
    assert list(exports.details["each_seconds"]) == [ADDRESS]  # type: ignore[call-overload]
    assert whole.details["kinds"] == KINDS
    assert whole.details["pip_cache_gb"] == 0.02
    assert "`./pants test ::`, all caches empty but pip's (0.02 GB)" in whole.what
    # Linux counts a child from the memory of the process that starts it: here pytest, maybe with torch.
    assert 0 < memory.value < 3 and ADDRESS in memory.what


def test_only_named_programs_are_tested(tmp_path: Path) -> None:
    run(tmp_path, COLD, ADDRESS)
    assert (tmp_path / "calls").read_text().splitlines()[0].endswith(f" test {ADDRESS}_test")


@pytest.mark.parametrize(
    ("from_", "to", "message"),
    [
        ('>> "$PANTS_RUN_TIMES_FILE"', "", "should have made .* FileNotFoundError"),
        ('"kinds"', '"sorts"', "should have made .* KeyError"),
        ('"$XDG_CACHE_HOME/pants/lmdb_store"', "", r"made no \['pants/lmdb_store'\]"),
        ("mkdir", "exported() { :; }; mkdir", "exported nothing"),
    ],
)
def test_a_run_that_is_not_cold_or_writes_no_times_is_an_error(
    tmp_path: Path, from_: str, to: str, message: str
) -> None:
    with pytest.raises(ToolError, match=message):
        run(tmp_path, COLD.replace(from_, to))


def test_the_largest_process_is_the_one_whose_memory_is_shown() -> None:
    costs = {
        BenchProgram(f"models/a:{name}"): ProcessCost(seconds, peak)
        for name, seconds, peak in (("long", 9.0, 1), ("large", 3.0, 8), ("last", 1.0, 2))
    }
    assert cold.most_memory(costs).address == "models/a:large"


def test_times_add_up() -> None:
    programs = [BenchProgram(f"models/a:{name}_xnnpack") for name in ("one", "two")]
    costs = {program: ProcessCost(10.0, int(2e9)) for program in programs}
    ours = {programs[1]: ProcessCost(5.0, int(3.1e9))}
    done = PantsRun(("--no-colors", "test", "::"), 0, "", 1200.04)
    exports, whole, memory = cold.rows(done, KINDS, 7.0, 30.4, 0.5, costs, ours)
    assert (exports.value, exports.met) == (0.35, True)
    assert (whole.value, whole.unit, whole.met) == (1200.0, "s", True)
    assert "took 50 s" in whole.baseline
    assert memory.value == pytest.approx(3.1) and not memory.met
    assert "models/a:two_xnnpack" in memory.what
