"""Command line of `extract`: `python -m pte_foundry.photographs.main photographs.json --output FOLDER`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from pte_foundry.confinement.confined import confined
from pte_foundry.errors import PteError
from pte_foundry.photographs.extract import extract


def main(argv: list[str] | None = None) -> int:
    """Exit code 0, or 1 with one message on stderr."""
    parser = argparse.ArgumentParser(
        description="Copy pinned pictures out of an installed package."
    )
    parser.add_argument("files", type=Path, help="JSON: path below site-packages to SHA-256")
    parser.add_argument("--output", type=Path, required=True, help="the folder to write to")
    arguments = parser.parse_args(argv)
    try:
        extract(
            json.loads(arguments.files.read_text(encoding="utf-8")),
            (Path(entry) for entry in sys.path),
            arguments.output,
        )
    except PteError as error:
        print(f"pte-foundry: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(confined(main))
