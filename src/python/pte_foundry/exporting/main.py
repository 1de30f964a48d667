"""Command line of an export: `python -m pte_foundry.exporting.main REQUEST --pte F --facts F`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pte_foundry.confinement.confined import confined
from pte_foundry.errors import PteError
from pte_foundry.heavy_imports import heavy_imports
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.stages import Begin, report_stages

if TYPE_CHECKING:
    from pte_foundry.exporting.export import ExportResult


def main(arguments: Sequence[str]) -> int:
    """Export what the request file says; paths are relative to the working directory.

    Returns:
        0, or 1 after one line `pte-foundry: <kind>: <message>` on stderr, preceded by a traceback
        if it was torch or ExecuTorch that failed. Neither output exists after a failure unless it
        existed before.
    """
    parser = argparse.ArgumentParser(
        prog="python -m pte_foundry.exporting.main", description=__doc__
    )
    parser.add_argument("request", type=Path, help="export_request.json")
    parser.add_argument("--pte", type=Path, required=True, help="where to write the program")
    parser.add_argument(
        "--facts", type=Path, required=True, help="where to write its facts, as JSON"
    )
    options = parser.parse_args(arguments)
    try:
        content = _read(options.request)
        request = ExportRequest.read(
            Fields.of(_parse_json(content, options.request), options.request.name)
        )
        with report_stages(content) as begin:
            result = _export(request, begin)
    except PteError as error:
        if error.kind == "lowering-failed" and error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        print(f"pte-foundry: {error.kind}: {error.message}", file=sys.stderr)
        return 1
    facts = json.dumps(result.facts, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    _write(options.pte, result.pte)
    _write(options.facts, facts.encode("utf-8"))
    return 0


def _export(request: ExportRequest, begin: Begin) -> ExportResult:
    begin("loading the toolchain")
    # Only now: torch and ExecuTorch take seconds to import, a mistake in the request should not.
    with heavy_imports(request.stock):
        import torch

        from pte_foundry.exporting.export import export

    # ExecuTorch's own call of a deprecated name, once per copied graph: it would bury the errors.
    warnings.filterwarnings("ignore", r".*treespec, LeafSpec", FutureWarning)
    torch.set_num_interop_threads(1)
    return export(request, Path.cwd(), begin)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PteError(
            "bad-request", f"{path.name} cannot be read: {error}. Correct the request file"
        ) from error


def _parse_json(content: bytes, path: Path) -> object:
    try:
        return json.loads(content.decode("utf-8"))
    except ValueError as error:
        raise PteError(
            "bad-request", f"{path.name} cannot be read as JSON: {error}. Correct the request file"
        ) from error


def _write(path: Path, content: bytes) -> None:
    """Write under a temporary name, then rename: a killed process leaves no half file behind."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(content)
    os.replace(temporary, path)


if __name__ == "__main__":
    sys.exit(confined(lambda: main(sys.argv[1:])))
