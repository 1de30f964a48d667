"""Once per int8 program: `python -m bench.latency.prepare_picture`, in the sandbox of its export.

Writes the inputs that it is timed on: its first calibration picture, prepared as an app would, or sample. Random
inputs, which serve programs without calibration files, are outside what a static quantization has seen: outputs would
differ.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.latency.arrays import write_arrays
from bench.latency.eager_model import load_eager
from bench.latency.files import INPUTS, REQUEST
from pte_foundry.photographs.reader import photograph_reader
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json
from pte_foundry.samples.arrays import has_arrays
from pte_foundry.samples.sample import read_sample


def main() -> int:
    folder = Path.cwd()
    eager = load_eager(folder)
    request = ExportRequest.read(Fields(read_json(folder / REQUEST), REQUEST))
    arrays = [tensor.numpy() for tensor in eager.example_inputs]
    if request.quantization is not None and request.quantization.calibration:
        first = min(request.quantization.calibration)
        if has_arrays(first):
            arrays = list(read_sample(request.model.inputs, folder / first, first))
        else:
            prepared = eager.definition.preprocess(photograph_reader()(folder / first))
            arrays = [tensor.numpy() for tensor in prepared]
    write_arrays(folder / INPUTS, arrays)
    return 0


if __name__ == "__main__":
    sys.exit(main())
