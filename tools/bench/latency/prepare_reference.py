"""Once per program: `python -m bench.latency.prepare_reference`, in the sandbox of its export.

Writes the inputs of `prepare_picture`, and what the eager fp32 model computes for them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch.utils import _pytree as pytree

from bench.latency.arrays import write_arrays
from bench.latency.eager_model import load_eager
from bench.latency.files import INPUTS, REFERENCE, outputs_file
from bench.latency.prepare_picture import timed_inputs


def main() -> int:
    folder = Path.cwd()
    eager = load_eager(folder)
    inputs = timed_inputs(folder, eager)
    write_arrays(folder / INPUTS, [tensor.numpy() for tensor in inputs])
    with torch.no_grad():
        outputs = pytree.tree_leaves(eager.module(*inputs))
    write_arrays(outputs_file(folder, REFERENCE), [tensor.numpy() for tensor in outputs])
    return 0


if __name__ == "__main__":
    sys.exit(main())
