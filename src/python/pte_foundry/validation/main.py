"""Command line: `python -m pte_foundry.validation.main REQUEST --result R --junit J`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pte_foundry.confinement.confined import confined
from pte_foundry.heavy_imports import heavy_imports
from pte_foundry.records.command import run_command
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json, write_json, write_text
from pte_foundry.stages import report_stages
from pte_foundry.validation.deferred_packages import defer_packages
from pte_foundry.validation.request import ValidationRequest
from pte_foundry.validation.result import junit_xml, result_json, summary, verdict


def main(arguments: Sequence[str]) -> int:
    """Validate one program; paths are relative to the working directory.

    Returns:
        0 if nothing failed, else 1. A request that cannot be read is a PteError, before any work.
    """
    parser = argparse.ArgumentParser(prog="pte_foundry.validation.main", description=__doc__)
    parser.add_argument("request", type=Path, help="what to validate")
    parser.add_argument("--result", type=Path, required=True, help="validation.json to write")
    parser.add_argument("--junit", type=Path, required=True, help="junit.xml to write")
    options = parser.parse_args(arguments)
    fields = Fields(read_json(options.request), str(options.request))
    request = ValidationRequest.read(fields, Path())
    pte = (request.root / request.pte).read_bytes()
    with report_stages(options.request.read_bytes()) as begin:
        begin("loading the toolchain")
        # Only now: torch and ExecuTorch take seconds to import, which a mistake in the request should not.
        defer_packages()
        with heavy_imports():
            from pte_foundry.validation.validate import validate

        cases = validate(request, pte, begin)
    write_json(options.result, result_json(request, pte, cases))
    write_text(options.junit, junit_xml(request.address, cases))
    print(summary(request, cases))
    for case in sorted(cases, key=lambda case: case.status != "failed"):
        kind = f"{case.kind}: " if case.status == "failed" else ""
        print(f"{case.status:<7} {case.name}: {kind}{' '.join(case.message.split())}")
    return 0 if verdict(cases) == "passed" else 1


if __name__ == "__main__":
    sys.exit(confined(lambda: run_command(lambda: main(sys.argv[1:]))))
