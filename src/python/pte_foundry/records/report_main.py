"""Command line: `python -m pte_foundry.records.report_main declared.json facts.json --report report.json`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pte_foundry.records.command import run_command
from pte_foundry.records.declared import Declared
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json, write_json
from pte_foundry.records.report import build_report


def main(arguments: Sequence[str]) -> int:
    """Write the report of one program; 1 with a message on stderr if it breaks its promise."""
    parser = argparse.ArgumentParser(prog="pte_foundry.records.report_main", description=__doc__)
    parser.add_argument("declared", type=Path, help="what the BUILD files declare")
    parser.add_argument("facts", type=Path, help="what the export found")
    parser.add_argument("--report", type=Path, required=True, help="the report to write")
    options = parser.parse_args(arguments)
    declared = Declared.read(Fields(read_json(options.declared), str(options.declared)))
    facts = Fields(read_json(options.facts), str(options.facts))
    write_json(options.report, build_report(declared, facts).to_json())
    return 0


if __name__ == "__main__":
    sys.exit(run_command(lambda: main(sys.argv[1:])))
