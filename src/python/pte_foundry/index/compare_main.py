"""Command line: `python -m pte_foundry.index.compare_main index.json built/index.json`.

Exit code 0 if the committed index has the very bytes of the built one, 1 if not, with what differs on standard output.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.index.comparison import index_differences
from pte_foundry.records.command import run_command
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json

_REMEDY = (
    "Look for what changed it. If that was meant, `./foundry update-index` writes the file anew; commit it "
    "with the change."
)


def main(arguments: Sequence[str]) -> int:
    """Compare two files. Raises PteError if one of them is no index that this library can read."""
    parser = argparse.ArgumentParser(prog="pte_foundry.index.compare_main", description=__doc__)
    parser.add_argument("committed", type=Path, help="the index of the repository")
    parser.add_argument("built", type=Path, help="the index of what was built now")
    options = parser.parse_args(arguments)
    if not options.committed.exists():
        raise PteError(
            "no-index",
            f"{options.committed} does not exist. Make it: `./foundry update-index`",
        )
    if options.committed.read_bytes() == options.built.read_bytes():
        print(f"{options.committed} is current")
        return 0
    print(f"{options.committed} is stale:")
    for line in describe_differences(options.committed, options.built):
        print(f"  {line}")
    print(_REMEDY)
    return 1


def describe_differences(old: Path, new: Path) -> list[str]:
    """One line for each difference between two files of unequal bytes. Raises PteError as `index_differences` does."""
    found = index_differences(Fields(read_json(old), str(old)), Fields(read_json(new), str(new)))
    return [str(difference) for difference in found] or [
        "the same content in another form: somebody edited or reformatted the file"
    ]


if __name__ == "__main__":
    sys.exit(run_command(lambda: main(sys.argv[1:])))
