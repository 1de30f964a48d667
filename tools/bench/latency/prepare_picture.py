"""Once per int8 program: `python -m bench.latency.prepare_picture`, in the sandbox of its export.

Writes the inputs that it is timed on: its first calibration picture, prepared as an app would. Random inputs, which
serve programs without calibration pictures, are outside what a static quantization has seen: outputs would differ.
"""

from __future__ import annotations

import sys
from pathlib import Path

from torch import Tensor

from bench.latency.arrays import write_arrays
from bench.latency.eager_model import load_eager
from bench.latency.files import INPUTS, REQUEST
from pte_foundry.models.eager import EagerModel
from pte_foundry.photographs.decode import read_photograph
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json


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
    picture = min(request.quantization.calibration)
    return eager.definition.preprocess(read_photograph(folder / picture))


if __name__ == "__main__":
    sys.exit(main())
