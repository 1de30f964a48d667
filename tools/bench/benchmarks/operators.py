"""`operators`: which operators of XNNPACK programs cost more than in ONNX Runtime."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from bench.benchmarks.latency import find_rivals
from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.programs import BenchProgram, chosen_programs
from bench.benchmarks.setting import Setting
from bench.benchmarks.uncached import package_and_keep
from bench.latency.files import ONNX_PROFILE, OPERATOR_TIMES
from bench.latency.worker_process import prepare
from workspace.sandbox_python import SandboxPython

NAME = "operators"
ABOUT = "one thread: each kind of operator of XNNPACK programs, timed alone, against ONNX Runtime's profile"
NO_SLOWER = Goal("at_most", 1.0)

DEPTHWISE = "depthwise convolutions"
POINTWISE = "1x1 convolutions"
DENSE = "other convolutions"
LINEAR = "linear layers and matrix products"
ACTIVATIONS = "activations"
ARITHMETIC = "additions and multiplications"
POOLING = "pooling and means"
MOVEMENT = "data movement"
OTHER = "others"

# By both runtimes' names, in lower case. ONNX Runtime's layouts need reorders; slices and concatenations are copies.
_KINDS = {
    LINEAR: "addmm bmm fusedgemm fusedmatmul gemm linear matmul mm",
    ACTIVATIONS: "clamp clip gelu hardsigmoid hardswish hardtanh quickgelu relu relu6 sigmoid silu softmax",
    ARITHMETIC: "add div exp log mul pow rsqrt sqrt sub",
    POOLING: "_adaptive_avg_pool2d adaptive_avg_pool2d averagepool avg_pool2d globalaveragepool max_pool2d maxpool "
    "mean reducemean",
    MOVEMENT: "cat chunk concat expand gather pad permute reorderinput reorderoutput reshape resize select slice split "
    "split_with_sizes stack transpose unsqueeze upsample upsample_nearest2d",
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names.split()}


def run(setting: Setting) -> tuple[Measurement, ...]:
    rows: list[Measurement] = []
    with setting.clone("repository") as clone:
        programs = chosen_programs(setting, clone, ("xnnpack",), "default")
        setting.progress("installing the other runtimes")
        rivals = find_rivals(clone)
        setting.progress(f"exporting {len(programs)} programs, to have their sandboxes")
        kept = package_and_keep(setting, clone, programs)
        paths = (clone.root / "src/python", clone.root / "tools", rivals.folder)
        for program, sandbox in kept.sandboxes.items():
            python = SandboxPython(sandbox.folder, paths)
            setting.progress(f"{program.address}: ONNX Runtime's profile")
            prepare(python)
            prepare(python, "bench.latency.onnx_profile")
            setting.progress(f"{program.address}: lowering and timing its operators, one by one")
            prepare(python, "bench.latency.operator_times")
            rows += operator_rows(
                program,
                json.loads((sandbox.folder / OPERATOR_TIMES).read_text("utf-8")),
                json.loads((sandbox.folder / ONNX_PROFILE).read_text("utf-8")),
            )
    return tuple(rows)


def operator_rows(
    program: BenchProgram, ours: Iterable[Mapping[str, Any]], theirs: Iterable[Mapping[str, Any]]
) -> list[Measurement]:
    """One row for each kind that both runtimes have. A kind that only one has counts in the sum and in its details.

    Args:
        ours: rows of `bench.latency.operator_times`.
        theirs: rows of `bench.latency.onnx_profile`.
    """
    mine, rival = milliseconds_by_kind(ours), milliseconds_by_kind(theirs)
    both = sorted(kind for kind in mine if rival.get(kind))
    values = [(kind, mine[kind], rival[kind]) for kind in both]
    values.append(("all operators", sum(mine.values()), sum(rival.values())))
    details = {
        "executorch_ms": {kind: round(value, 4) for kind, value in sorted(mine.items())},
        "onnxruntime_ms": {kind: round(value, 4) for kind, value in sorted(rival.items())},
    }
    return [
        Measurement(
            NAME,
            f"{program.address}: {kind}, {own:.2f} ms",
            f"ONNX Runtime, {other:.2f} ms",
            own / other,
            "ratio",
            NO_SLOWER,
            {"program": program.address, "kind": kind, **details},
        )
        for kind, own, other in values
    ]


def milliseconds_by_kind(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Milliseconds of one inference. A row without `count` stands for one operator."""
    total: dict[str, float] = defaultdict(float)
    for row in rows:
        total[kind_of(row["operator"], row["shapes"])] += row["ms"] * row.get("count", 1)
    return dict(total)


def kind_of(operator: str, shapes: list[list[int]]) -> str:
    """shapes: of its inputs; a convolution's second one is the filter's, [out, in / groups, rows, columns]."""
    name = operator.lower()
    if "conv" in name and len(shapes) > 1 and len(shapes[1]) == 4:
        channels, depth, *window = shapes[1]
        if depth == 1 and channels > 1:
            return DEPTHWISE
        return POINTWISE if window == [1, 1] else DENSE
    return _KIND_OF.get(name, OTHER)
