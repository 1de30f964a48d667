"""Command line: `python -m pte_foundry.bundling.main REQUEST --bundle B --description D`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pte_foundry.confinement.confined import confined
from pte_foundry.heavy_imports import heavy_imports
from pte_foundry.records.command import run_command
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json, write_json
from pte_foundry.stages import report_stages
from pte_foundry.validation.request import ValidationRequest


def main(arguments: Sequence[str]) -> int:
    """Bundle a program with the inputs of its test; paths are relative to the working directory.

    Returns:
        0. Whatever is wrong is a PteError, and then neither file is written.
    """
    parser = argparse.ArgumentParser(prog="pte_foundry.bundling.main", description=__doc__)
    parser.add_argument("request", type=Path, help="as for a validation")
    parser.add_argument("--bundle", type=Path, required=True, help="the BundledProgram to write")
    parser.add_argument("--description", type=Path, required=True, help="its JSON to write")
    options = parser.parse_args(arguments)
    fields = Fields(read_json(options.request), str(options.request))
    request = ValidationRequest.read(fields, Path())
    path = request.root / request.pte
    pte = path.read_bytes()
    with report_stages(options.request.read_bytes()) as begin:
        begin("loading the toolchain")
        with heavy_imports():
            import torch

            from pte_foundry.bundling import bundle
            from pte_foundry.inspection.delegation import inspect_program
            from pte_foundry.validation.runtime import unregistered_delegates

        atol = bundle.tolerance(request)
        torch.set_num_threads(1)
        cases = bundle.bundle_cases(request, begin)
        begin("bundling")
        bundled = bundle.bundled_program(path, cases)
        verified = not unregistered_delegates(inspect_program(pte).delegates)
        if verified:
            begin("running the bundle")
            bundle.verify(bundled, cases, atol)
    temporary = options.bundle.with_name(options.bundle.name + ".partial")
    temporary.write_bytes(bundled)
    temporary.replace(options.bundle)
    stated = bundle.description(request, pte, bundled, cases, atol, verified)
    write_json(options.description, stated)
    return 0


if __name__ == "__main__":
    sys.exit(confined(lambda: run_command(lambda: main(sys.argv[1:]))))
