from __future__ import annotations

from typing import Any

from bench.command.plots import plots
from bench.command.result_file import Document

MEDIANS = {"eager": 4.0, "executorch": 1.0, "onnxruntime": 2.0, "openvino": 3.0}


def row(benchmark: str, baseline: str, value: float, **details: Any) -> Document:
    return {
        "benchmark": benchmark,
        "what": "it",
        "baseline": baseline,
        "value": value,
        "details": details,
    }


def document(*rows: Document) -> Document:
    return {"measurements": list(rows)}


def words(plot: Any) -> list[str]:
    return [shape.text for shape in plot.picture.shapes if shape.tag == "text"]


def test_sizes_are_by_family() -> None:
    made = plots(
        [
            document(
                row(
                    "size", "parameters in fp32", 0.5, program="models/a:x_coreml", bytes=7_100_000
                ),
                row("size", "the file it replaces", 0.9, program="models/a:x_coreml", bytes=1),
                row(
                    "size", "parameters in fp32", 1.0, program="models/b:y_xnnpack", bytes=2_000_000
                ),
            )
        ]
    )
    assert [plot.file for plot in made] == ["size-a.svg", "size-b.svg"]
    assert "0.500 (7.10 MB)" in words(made[0]) and "x_coreml" in words(made[0])


def test_latencies_are_against_onnx_runtime() -> None:
    slow = {runtime: 100 * each for runtime, each in MEDIANS.items()}
    timed = [
        row("latency", base, 1.0, program="models/a:x_xnnpack", threads=threads, median_ms=MEDIANS)
        for threads in (1, 2)
        for base in ("ONNX Runtime", "ExecuTorch")
    ]
    large = {"program": "models/a:y_xnnpack", "threads": 1, "median_ms": slow}
    timed.append(row("latency", "ONNX Runtime", 1.0, **large))
    one, two = plots([document(*timed)])
    assert (one.file, two.file) == ("latency-1.svg", "latency-2.svg")
    assert "latency with 1 thread: median time / ONNX Runtime's" in words(one)
    widths = [
        float(shape.get("width", "")) for shape in one.picture.shapes if shape.get("height") == "13"
    ]
    # ExecuTorch, ONNX Runtime, OpenVINO and eager torch: of the second program as of the first.
    assert widths[4:] == widths[:4]
    assert [round(width / widths[1], 2) for width in widths[:4]] == [0.5, 1.0, 1.5, 2.0]


def test_int8_of_several_documents_is_one_picture() -> None:
    def measured(program: str) -> Document:
        return document(
            row("int8", "fp32 program", 0.27, program=program, bytes=1, fp32_bytes=4),
            row("int8", "fp32 program", 0.0, program=program, cosine={}),
            row("int8", "fp32 program", 0.4, program=program, threads=2, int8_ms=2.0, fp32_ms=5.0),
        )

    (plot,) = plots([measured("models/a:x"), measured("models/a:y")])
    assert plot.file == "int8.svg"
    assert [word for word in words(plot) if word in ("x", "y")] == ["x", "y"]
    assert words(plot)[1:3] == ["bytes", "time, 2 threads"]


def test_a_cold_run_and_what_has_no_picture() -> None:
    exports = row("cold", "script", 0.3, measured_seconds=240.6, baseline_seconds=800.3)
    kinds = {"tests": {"count": 240, "seconds": 900.1}, "exports": {"count": 18, "seconds": 430.0}}
    whole = row("cold", "nothing", 1140.0, script_seconds=800.3, kinds=kinds)
    memory = row("cold", "resident set", 2.7)
    (plot,) = plots([document(row("noop", "base", 1.0), exports, whole, memory)])
    assert plot.file == "cold.svg"
    labels = ["exports alone", "241 s", "script with stock ExecuTorch", "800 s"]
    labels += ["whole command", "1140 s", "of it tests: 240 processes", "900 s"]
    labels += ["of it exports: 18 processes", "430 s"]
    assert words(plot) == ["cold run: seconds", *labels]


def test_the_same_results_give_the_same_bytes() -> None:
    rows = [
        row("size", "parameters in fp32", value / 7, program=f"models/a:x{value}", bytes=value)
        for value in range(9)
    ]
    first, second = (plots([document(*rows)])[0].picture.as_file() for _ in range(2))
    assert first == second and "\n" not in first.rstrip("\n")
