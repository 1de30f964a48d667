from __future__ import annotations

from bench.latency.onnx_profile import node_rows


def _event(name: str, duration: int, category: str = "Node") -> dict[str, object]:
    arguments = {
        "op_name": "Conv",
        "input_type_shape": [{"float": [1, 3, 8, 8]}, {"float": [4, 3, 1, 1]}],
    }
    return {"cat": category, "name": name, "dur": duration, "args": arguments}


def test_a_node_has_the_median_of_its_runs_after_the_warm_up() -> None:
    events = [
        _event("first_kernel_time", 9000),
        *(_event("first_kernel_time", duration) for duration in (10, 30, 20)),
        _event("first_fence_before", 7),
        _event("model_run", 5000, category="Session"),
    ]
    (row,) = node_rows(events, warm_up=1)
    assert row == {"operator": "Conv", "shapes": [[1, 3, 8, 8], [4, 3, 1, 1]], "ms": 0.02}
