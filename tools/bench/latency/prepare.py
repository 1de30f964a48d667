"""Once per program: `python -m bench.latency.prepare`, in the sandbox of its export.

Writes the fixed inputs, the eager model's outputs and the eager model as ONNX. The model is exported untouched, as a
user would: without our rewrites.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch.utils import _pytree as pytree

from bench.latency.arrays import write_arrays
from bench.latency.eager_model import load_eager
from bench.latency.files import INPUTS, ONNX, REFERENCE, outputs_file


def main() -> int:
    folder = Path.cwd()
    eager = load_eager(folder)
    inputs = eager.example_inputs
    write_arrays(folder / INPUTS, [tensor.numpy() for tensor in inputs])
    with torch.no_grad():
        outputs = pytree.tree_leaves(eager.module(*inputs))
        write_arrays(outputs_file(folder, REFERENCE), [tensor.numpy() for tensor in outputs])
        # The older, tracing exporter fails on timm's attention.
        torch.onnx.export(eager.module, inputs, str(folder / ONNX), dynamo=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
