"""What each operator of a model costs in ONNX Runtime, by its own profiler: `python -m bench.latency.onnx_profile`.

Run in a sandbox where `bench.latency.prepare` has written the model. Writes `ONNX_PROFILE`: one row for each node.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from bench.latency.arrays import read_arrays
from bench.latency.files import INPUTS, ONNX, ONNX_PROFILE

_WARM_UP, _TIMED = 5, 30
_MILLISECONDS_PER_MICROSECOND = 1e-3


def main() -> int:
    import onnxruntime  # type: ignore[import-not-found]  # pants: no-infer-dep

    folder = Path.cwd()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "onnx_profile_events")
    session = onnxruntime.InferenceSession(
        str(folder / ONNX), options, providers=["CPUExecutionProvider"]
    )
    names = [tensor.name for tensor in session.get_inputs()]
    inputs = dict(zip(names, read_arrays(folder / INPUTS), strict=True))
    for _ in range(_WARM_UP + _TIMED):
        session.run(None, inputs)
    events = json.loads(Path(session.end_profiling()).read_text("utf-8"))
    rows = node_rows(events, _WARM_UP)
    (folder / ONNX_PROFILE).write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    return 0


def node_rows(events: Iterable[Mapping[str, Any]], warm_up: int) -> list[dict[str, object]]:
    """Operator, input shapes and median milliseconds of each node, of the runs after the first `warm_up`."""
    seen: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            seen[event["name"]].append(event)
    return [
        {
            "operator": runs[0]["args"]["op_name"],
            "shapes": [
                shape for value in runs[0]["args"]["input_type_shape"] for shape in value.values()
            ],
            "ms": median(run["dur"] for run in runs[warm_up:]) * _MILLISECONDS_PER_MICROSECOND,
        }
        for runs in seen.values()
    ]


if __name__ == "__main__":
    sys.exit(main())
