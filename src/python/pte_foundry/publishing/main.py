"""Command line: `python -m pte_foundry.publishing.main publish_request.json`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pte_foundry.publishing.publish import publish
from pte_foundry.records.command import run_command
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json
from pte_foundry.records.publish_request import RequestedRelease


def main(arguments: Sequence[str]) -> int:
    """Publish the tree that the request names."""
    parser = argparse.ArgumentParser(prog="pte_foundry.publishing.main", description=__doc__)
    parser.add_argument("request", type=Path, help="the tree and where to publish it")
    options = parser.parse_args(arguments)
    fields = Fields(read_json(options.request), str(options.request))
    publish(RequestedRelease.read(fields), print)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(lambda: main(sys.argv[1:])))
