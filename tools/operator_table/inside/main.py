"""Judge all rows on some backends: `python -m operator_table.inside.main OUTPUT BACKEND...`.

Runs in the toolchain of these backends. OUTPUT is JSON: see `judged`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from operator_table.columns import COLUMNS
from operator_table.inside.judge import judge
from operator_table.inside.rows import rows
from pte_foundry.causes import Cause


def judged(backends: Iterable[str]) -> dict[str, object]:
    """JSON types only.

    rows    [group, name] of each row, in the page's order
    cells   backend -> row's name -> cell
    causes  name, as in cells -> advice
    """
    return {
        "rows": [[row.group, row.name] for row in rows().values()],
        "cells": {
            backend: {name: judge(row, COLUMNS[backend]) for name, row in rows().items()}
            for backend in backends
        },
        "causes": {cause.name.lower(): cause.advice for cause in Cause},
    }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m operator_table.inside.main")
    parser.add_argument("output", type=Path)
    parser.add_argument("backends", nargs="+", choices=[*COLUMNS])
    options = parser.parse_args(arguments)
    options.output.write_text(json.dumps(judged(options.backends)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
