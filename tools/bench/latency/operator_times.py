"""What each operator of a program costs in ExecuTorch: `python -m bench.latency.operator_times`.

Run in the sandbox of its export. The runtime of the executorch wheel is built without its event tracer. So each kind
of operator is lowered alone, as a program of its own, and timed alone. Writes `OPERATOR_TIMES`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median

import torch
from executorch.extension.pybindings import portable_lib  # type: ignore[import-untyped]
from torch import nn

from bench.latency.files import OPERATOR_TIMES, REQUEST
from bench.latency.operator_pieces import COPIES, Piece, cut
from bench.latency.worker import time_runs
from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.models.eager import build_eager
from pte_foundry.models.plugins import load_module
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json
from pte_foundry.validation.runtime import load_program

_WARM_UP, _TIMED = 5, 30
_MILLISECONDS = 1000


def main() -> int:
    folder = Path.cwd()
    torch.set_num_threads(1)
    portable_lib._unsafe_reset_threadpool(1)
    request = ExportRequest.read(Fields(read_json(folder / REQUEST), REQUEST))
    backend = load_module(
        "lowering", request.lowering, ("lower",), "pte_foundry.backends.xnnpack.lowering"
    )
    with torch.no_grad():
        eager = build_eager(request.model, folder)
        module: nn.Module = eager.module
        for name in request.rewrites:
            module = load_module("rewrites", name, ("rewrite",), "an exact rewrite").rewrite(
                module, eager.example_inputs
            )
        program = torch.export.export(module.eval(), eager.example_inputs, strict=False)
        call = _milliseconds(_nothing(), backend.lower, request)
        rows = [
            {
                "operator": piece.operator,
                "shapes": piece.shapes,
                "count": piece.count,
                # Of one copy.
                "ms": max(0.0, _milliseconds(piece, backend.lower, request) - call) / COPIES,
            }
            for piece in cut(program, eager.example_inputs)
        ]
    (folder / OPERATOR_TIMES).write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    return 0


def _nothing() -> Piece:
    """A piece that costs as much as a call by itself."""

    class Increment(nn.Module):
        def forward(self, value: torch.Tensor) -> torch.Tensor:
            return value + 1.0

    return Piece("nothing", (), 1, Increment().eval(), (torch.ones(1),))


def _milliseconds(piece: Piece, lower, request: ExportRequest) -> float:  # type: ignore[no-untyped-def]
    exported = torch.export.export(piece.module, piece.inputs, strict=False)
    lowered = lower(LoweringRequest(exported, request.precision, request.options))
    program = load_program(bytes(lowered.program.buffer))
    seconds = time_runs(lambda: program.run(piece.inputs), _WARM_UP, _TIMED)
    return _MILLISECONDS * median(seconds)


if __name__ == "__main__":
    sys.exit(main())
