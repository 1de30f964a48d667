"""Results in the form that `foundry bench latency int8 --json` writes, for tests."""

from __future__ import annotations

from typing import Any

PROGRAM = "models/mobilenet:mobilenet_v3_small_xnnpack"
FILE = "docs/bench/results/latency.json"


def sample_results() -> dict[str, Any]:
    """A fresh one: a program with 1 and 2 threads, its int8 sibling with 1, and rows that hold no times."""
    fp32 = [
        row
        for threads, median in ((1, 2.0), (2, 1.25))
        for row in (
            _latency_row("ONNX Runtime", threads, median),
            _latency_row("ExecuTorch", threads, median),
        )
    ]
    int8 = PROGRAM.replace("_xnnpack", "_int8_xnnpack")
    return {
        "command": ["latency", "int8"],
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "modified": False,
        "machine": {
            "cpu": "Sample CPU",
            "cpus": 2,
            "memory_gb": 25.3,
            "system": "Linux x86_64",
            "load": 0.25,
        },
        "measurements": [
            _row("latency", "eager torch", "runtimes", {"disagreeing": [], "cosine": {}}),
            *fp32,
            _row("int8", "fp32 program", "ratio", {"program": int8, "bytes": 1, "fp32_bytes": 4}),
            _row(
                "int8",
                "fp32 program",
                "ratio",
                {
                    "program": int8,
                    "threads": 1,
                    "int8_ms": 1.5,
                    "fp32_ms": 2.5,
                    "samples": 30,
                    "cosine": 0.999,
                },
            ),
            _row("size", "parameters in fp32", "ratio", {"bytes": 1}),
            _row("tree", "`cp -r dist/tree`", "ratio", {"seconds": 1.0}),
        ],
        "errors": {},
    }


def _latency_row(baseline: str, threads: int, median: float) -> dict[str, Any]:
    medians = {"eager": 3 * median, "executorch": median, "onnxruntime": median, "openvino": median}
    details = {
        "program": PROGRAM,
        "threads": threads,
        "median_ms": medians,
        "samples": 30,
        "versions": {"onnx": "1.23.2", "onnxruntime": "1.31.1", "openvino": "2026.4.1"},
    }
    return _row("latency", baseline, "ratio", details)


def _row(benchmark: str, baseline: str, unit: str, details: dict[str, Any]) -> dict[str, Any]:
    return {
        "benchmark": benchmark,
        "what": f"what `{benchmark}` measures",
        "baseline": baseline,
        "value": 1.0,
        "unit": unit,
        "goal": {"at_most": 1.0},
        "met": True,
        "details": details,
    }
