"""Command line: `python -m pte_foundry.inspection.compare_main FIRST SECOND` compares two `.pte` files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pte_foundry.inspection.differences import first_difference


def main(arguments: Sequence[str]) -> int:
    """Print the first part that differs, in one line.

    Returns:
        0 if the files are equal, 1 if they differ, 2 after a message on stderr if one cannot be
        read.
    """
    parser = argparse.ArgumentParser(
        prog="python -m pte_foundry.inspection.compare_main", description=__doc__
    )
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    options = parser.parse_args(arguments)
    try:
        first, second = options.first.read_bytes(), options.second.read_bytes()
    except OSError as error:
        print(f"pte-foundry: unreadable: {error}. Name two .pte files", file=sys.stderr)
        return 2
    difference = first_difference(first, second)
    print("equal" if difference is None else " ".join(difference.split()))
    return 0 if difference is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
