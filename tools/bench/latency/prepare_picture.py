"""Once per int8 program: `python -m bench.latency.prepare_picture`, in the sandbox of its export.

Writes the inputs that it is timed on: its first calibration picture, prepared as an app would, or sample. Random
inputs, which serve programs without calibration files, are outside what a static quantization has seen: outputs would
differ.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

from bench.latency.arrays import write_arrays
from bench.latency.eager_model import load_eager
from bench.latency.files import INPUTS, REQUEST
from pte_foundry.models.eager import EagerModel
from pte_foundry.photographs.reader import photograph_reader
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json
from pte_foundry.samples.arrays import has_arrays
from pte_foundry.samples.sample import read_sample


def main() -> int:
    folder = Path.cwd()
    inputs = timed_inputs(folder, load_eager(folder))
    write_arrays(folder / INPUTS, [tensor.numpy() for tensor in inputs])
    return 0


def timed_inputs(folder: Path, eager: EagerModel) -> tuple[Tensor, ...]:
    """What the eager model takes. folder: the sandbox."""
    request = ExportRequest.read(Fields(read_json(folder / REQUEST), REQUEST))
    if request.quantization is None or not request.quantization.calibration:
        return eager.example_inputs
    first = min(request.quantization.calibration)
    if has_arrays(first):
        arrays = read_sample(request.model.inputs, folder / first, first)
        return tuple(torch.from_numpy(array) for array in arrays)
    return eager.definition.preprocess(photograph_reader()(folder / first))


if __name__ == "__main__":
    sys.exit(main())
