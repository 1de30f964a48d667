from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.benchmarks import latency
from bench.benchmarks.latency import disagreement_row, find_rivals, latency_rows, output_cosines
from bench.benchmarks.measurement import Measurement
from bench.benchmarks.programs import BenchProgram
from bench.benchmarks.stand_in_repository import stand_in_setting
from bench.latency.arrays import write_arrays
from bench.latency.files import REFERENCE, RUNTIMES, outputs_file
from workspace.errors import ToolError

PROGRAM = BenchProgram("models/a:net_xnnpack")
MEDIANS = {"eager": 4.0, "executorch": 2.0, "onnxruntime": 1.0, "openvino": 0.5}


def rows(threads: int, **medians: float) -> tuple[Measurement, Measurement]:
    first, second = latency_rows(PROGRAM, threads, {**MEDIANS, **medians}, 30, {"onnx": "1"})
    return first, second


def test_executorch_is_compared_with_onnx_runtime_and_eager_torch() -> None:
    onnx, eager = rows(1)
    assert (onnx.value, onnx.met) == (2.0, False)
    assert (eager.value, eager.met) == (2.0, True)
    assert onnx.details["median_ms"] == MEDIANS
    assert rows(1, onnxruntime=2.0)[0].met
    assert onnx.what == "models/a:net_xnnpack, 1 thread: ExecuTorch"


@pytest.mark.parametrize(
    ("threads", "eager", "met"), [(1, 3.9, False), (2, 2.8, True), (2, 2.7, False)]
)
def test_the_lead_over_eager_depends_on_the_threads(threads: int, eager: float, met: bool) -> None:
    assert rows(threads, eager=eager)[1].met is met


@pytest.mark.parametrize(
    ("cosines", "own", "disagreeing"),
    [
        ({"executorch, 1 thread": 0.99999, "openvino, 2 threads": 1.0}, 0.99999, []),
        ({"executorch, 1 thread": 0.9999}, 0.99999, ["executorch, 1 thread"]),
        # A quantised program may differ as much as it declares; the others compute in fp32.
        ({"executorch, 1 thread": 0.98, "openvino, 1 thread": 0.98}, 0.9, ["openvino, 1 thread"]),
        ({"onnxruntime, 1 thread": -1.0}, 0.9, ["onnxruntime, 1 thread"]),
    ],
)
def test_runtimes_with_other_outputs_are_counted(
    cosines: dict[str, float], own: float, disagreeing: list[str]
) -> None:
    row = disagreement_row(PROGRAM, cosines, own)
    assert row.details["disagreeing"] == disagreeing
    assert (row.value, row.met) == (len(disagreeing), not disagreeing)


def test_the_outputs_of_every_runtime_are_compared(tmp_path: Path) -> None:
    reference = np.array([1.0, 2.0])
    write_arrays(outputs_file(tmp_path, REFERENCE), [reference])
    for runtime in RUNTIMES:
        sign = -1 if runtime == "openvino" else 1
        write_arrays(outputs_file(tmp_path, runtime, 2), [sign * reference])
    cosines = output_cosines(PROGRAM, tmp_path, 2)
    assert list(cosines) == [f"{runtime}, 2 threads" for runtime in RUNTIMES]
    assert cosines["openvino, 2 threads"] == pytest.approx(-1)
    assert cosines["executorch, 2 threads"] == pytest.approx(1)
    write_arrays(outputs_file(tmp_path, REFERENCE), [reference * 0])
    with pytest.raises(ToolError, match="models/a:net_xnnpack.*constant"):
        output_cosines(PROGRAM, tmp_path, 2)


def test_a_fast_wrong_answer_is_not_compared() -> None:
    timed = [*rows(1), *rows(2)]
    right = disagreement_row(PROGRAM, {"executorch, 1 thread": 1.0}, 0.99999)
    wrong = disagreement_row(PROGRAM, {"executorch, 1 thread": 0.5}, 0.99999)
    assert latency.comparable(right, timed) == [right, *timed]
    assert latency.comparable(wrong, timed) == [wrong]


def test_the_rivals_are_found_by_their_last_line(tmp_path: Path) -> None:
    line = '{"folder": "/packages", "versions": {"onnx": "1"}}'
    script = f"echo '1 [INFO] Starting'; echo '{line}'"
    with stand_in_setting(tmp_path, script, {}).clone("clone") as clone:
        assert find_rivals(clone) == latency.Rivals(Path("/packages"), {"onnx": "1"})


def test_a_tool_without_rivals_is_an_error(tmp_path: Path) -> None:
    with (
        stand_in_setting(tmp_path, "echo nothing", {}).clone("clone") as clone,
        pytest.raises(ToolError, match="should print one JSON line"),
    ):
        find_rivals(clone)
