"""Once per int8 program: `python -m bench.latency.prepare_picture`, in the sandbox of its export.

Writes the inputs that it is timed on: its first calibration picture, prepared as an app would. Random inputs, which
serve programs without calibration pictures, are outside what a static quantization has seen: outputs would differ.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.latency.arrays import write_arrays
from bench.latency.eager_model import load_eager
from bench.latency.files import INPUTS, REQUEST
from pte_foundry.photographs.decode import read_photograph
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json


def main() -> int:
    folder = Path.cwd()
    eager = load_eager(folder)
    request = ExportRequest.read(Fields(read_json(folder / REQUEST), REQUEST))
    inputs = eager.example_inputs
    if request.quantization is not None and request.quantization.calibration:
        picture = min(request.quantization.calibration)
        inputs = eager.definition.preprocess(read_photograph(folder / picture))
    write_arrays(folder / INPUTS, [tensor.numpy() for tensor in inputs])
    return 0


if __name__ == "__main__":
    sys.exit(main())
