from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from bench.benchmarks import versions
from bench.benchmarks.programs import BenchProgram
from bench.benchmarks.stand_in_repository import stand_in_setting
from bench.benchmarks.versions import (
    PROGRAMS,
    THREADS,
    Version,
    error_row,
    latency_row,
    output_error,
    size_row,
    use_version,
)
from bench.latency.arrays import write_arrays
from bench.latency.files import EXECUTORCH, REFERENCE, outputs_file
from bench.latency.worker_process import Worker
from pte_foundry.records.declared import Declared
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.report import Report, build_report
from pte_foundry.testing.reports import SHA, sample_declared, sample_facts
from workspace.errors import ToolError
from workspace.sandbox_python import SandboxPython

ADDRESS = "models/a:net_xnnpack"


def report(version: str, size: int = 1000, sha256: str = SHA) -> Report:
    facts = sample_facts(pte={"sha256": sha256, "size": size}, versions={"executorch": version})
    declared = Declared.read(Fields(sample_declared(address=ADDRESS), "declared.json"))
    return build_report(declared, Fields(facts, "facts.json"))


PRESENT, OLDER = report("1.5.1"), report("1.4.1")


def test_programs_are_declared_and_have_a_number_of_threads() -> None:
    assert len(set(PROGRAMS)) == 12
    for address in PROGRAMS:
        assert BenchProgram(address).backend in THREADS
        folder, _, name = address.partition(":")
        model = name.removesuffix("_portable").removesuffix("_xnnpack").removesuffix("_int8")
        assert f'name="{model}",' in Path(folder, "BUILD").read_text()


def test_the_older_version_is_another_toolchain_of_the_same_backends(tmp_path: Path) -> None:
    text = 'pte_backend(name="xnnpack", resolve="executorch")\npte_backend(resolve="coreml")\n'
    with stand_in_setting(tmp_path, "", {"toolchains/BUILD": text}).clone("clone") as clone:
        file = clone.root / "toolchains/BUILD"
        use_version(clone, "present")
        assert file.read_text() == text
        use_version(clone, "older")
        assert file.read_text() == text.replace('"executorch"', '"executorch_1_4"')
        with pytest.raises(ToolError, match='toolchains/BUILD has no resolve="executorch"'):
            use_version(clone, "older")


def test_the_locks_are_those_of_the_workspace() -> None:
    text = Path("toolchains/BUILD").read_text()
    assert f'resolve="{versions._LOCKS["present"]}"' in text
    assert Path(f"3rdparty/python/{versions._LOCKS['older']}.lock").is_file()


@pytest.mark.parametrize(("size", "met"), [(1030, True), (1031, False), (900, True)])
def test_a_program_may_grow_by_three_percent(size: int, met: bool) -> None:
    row = size_row(report("1.5.1", size), OLDER)
    assert (row.value, row.met) == (size / 1000, met)
    assert row.what == f"{ADDRESS}, ExecuTorch 1.5.1: bytes"
    assert row.baseline == "ExecuTorch 1.4.1"
    assert row.details["same_bytes"] is True
    assert size_row(report("1.5.1", sha256="f" * 64), OLDER).details["same_bytes"] is False


@pytest.mark.parametrize(
    ("present", "older", "met"),
    [
        (1e-3, 1e-3, True),
        (1.031e-3, 1e-3, False),
        (1e-3, 2e-3, True),
        # Both exact but for the rounding of float32.
        (1e-9, 0.0, True),
        (1e-3, 0.0, False),
    ],
)
def test_outputs_may_not_be_further_from_the_eager_models(
    present: float, older: float, met: bool
) -> None:
    errors: Mapping[Version, float] = {"present": present, "older": older}
    row = error_row(PRESENT, OLDER, 2, errors)
    assert row.met is met
    assert (row.details["error"], row.details["older_error"]) == (present, older)
    assert row.what.endswith(": error, 2 threads")


def test_the_time_is_the_median_of_the_rounds_ratios() -> None:
    # In the third of five rounds another process took the CPU, and in the last one from both.
    seconds: Mapping[Version, list[float]] = {
        "present": [1.0, 1.0, 1.0, 1.0, 9.0, 9.0, 1.0, 1.0, 5.0, 5.0],
        "older": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 5.0, 5.0],
    }
    row = latency_row(PRESENT, OLDER, 1, seconds, 5)
    assert (row.value, row.met) == (1.0, True)
    assert row.details["median_ms"] == row.details["older_median_ms"] == 1000
    assert row.details["middle_half_of_ratios"] == [1.0, 1.0]
    slower: Mapping[Version, list[float]] = {
        "present": [1.04 * each for each in seconds["older"]],
        "older": seconds["older"],
    }
    row = latency_row(PRESENT, OLDER, 1, slower, 5)
    assert row.value == pytest.approx(1.04) and not row.met
    assert row.what == f"{ADDRESS}, ExecuTorch 1.5.1: time, 1 thread"


def test_outputs_of_both_versions_are_held_against_the_same_reference(tmp_path: Path) -> None:
    present, older = (SandboxPython(tmp_path / name, ()) for name in ("present", "older"))
    for python, second in ((present, 4.0), (older, 4.5)):
        python.folder.mkdir()
        write_arrays(outputs_file(python.folder, EXECUTORCH, 1), [np.array([3.0, second])])
    write_arrays(outputs_file(present.folder, REFERENCE), [np.array([3.0, 4.0])])
    assert output_error(BenchProgram(ADDRESS), present, present, 1) == 0
    assert output_error(BenchProgram(ADDRESS), present, older, 1) == pytest.approx(0.1)
    write_arrays(outputs_file(older.folder, EXECUTORCH, 1), [np.array([3.0, np.nan])])
    with pytest.raises(ToolError, match=f"{ADDRESS}: .*not finite, so nothing can be compared"):
        output_error(BenchProgram(ADDRESS), present, older, 1)


@pytest.mark.parametrize(("seconds", "rounds"), [(10.0, 4), (0.5, 7), (1e-3, 40)])
def test_slow_programs_are_timed_less_often(
    monkeypatch: pytest.MonkeyPatch, seconds: float, rounds: int
) -> None:
    monkeypatch.setattr(Worker, "time", lambda self, warm_up, timed: [seconds] * timed)
    worker = Worker("a process", None, Path("log"))  # type: ignore[arg-type]
    assert versions._rounds([worker, worker]) == rounds
