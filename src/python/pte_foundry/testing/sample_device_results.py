"""What a device might have measured, for tests: no device did."""

from __future__ import annotations

from typing import Any


def sample_device_result(**changes: Any) -> dict[str, Any]:
    """A fresh one, with everything that a result can have."""
    return {
        "schema_version": 2,
        "program": {"name": "mobilenet_v3_small_xnnpack.pte", "sha256": "0a" * 32},
        "device": {"model": "Sample Phone 8", "chip": "Sample G3"},
        "os": {"name": "Android", "version": "15"},
        "runtime": {"name": "ExecuTorch", "version": "1.5.1"},
        "parity": [
            {"case": "fixed-0", "max_abs_difference": 2e-05},
            {"case": "chelsea.png", "passed": True},
        ],
        "latency_ms": {
            "median": 2.125,
            "runs": 100,
            "threads": 4,
            "what": "forward of one picture, after 10 runs to warm up",
        },
        "peak_memory_bytes": 41_943_040,
        "load_ms": 12.5,
        "accuracy": {
            "data_set": "ten pets",
            "pictures": 10,
            "sha256": "0d" * 32,
            "scores": [
                {"name": "top-1", "value": 0.7, "eager": 0.8},
                {"name": "top-5", "value": 0.9},
            ],
        },
        "source": {
            "who": "A. Tester",
            "date": "2026-11-30",
            "how": "release build of a sample app, screen on, not charging",
        },
        **changes,
    }
