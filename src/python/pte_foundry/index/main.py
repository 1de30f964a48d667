"""Command line: `python -m pte_foundry.index.main index_request.json --index index.json`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pte_foundry.index.index import build_index
from pte_foundry.index.index_request import IndexRequest
from pte_foundry.records.command import run_command
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json, write_json


def main(arguments: Sequence[str]) -> int:
    """Write the index of the reports that the request names, relative to the working directory."""
    parser = argparse.ArgumentParser(prog="pte_foundry.index.main", description=__doc__)
    parser.add_argument("request", type=Path, help="what the index lists")
    parser.add_argument("--index", type=Path, required=True, help="the index to write")
    options = parser.parse_args(arguments)
    fields = Fields(read_json(options.request), str(options.request))
    write_json(options.index, build_index(IndexRequest.read(fields, Path())))
    return 0


if __name__ == "__main__":
    sys.exit(run_command(lambda: main(sys.argv[1:])))
