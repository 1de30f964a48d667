"""Print where the time of a check went. 1: what `[run-times] file` made, a line for each run of ./pants."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path


def table(lines: list[str]) -> str:
    """Processes that ran, by kind: their number and their seconds, which are of several processes at a time."""
    counts: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    whole = 0.0
    for line in lines:
        run = json.loads(line)
        whole += run["seconds"]
        for kind, of_kind in run["kinds"].items():
            counts[kind] += of_kind["count"]
            seconds[kind] += of_kind["seconds"]
    rows = [f"{'processes':<16}{'ran':>6}{'seconds':>10}"]
    rows += [f"{kind:<16}{counts[kind]:>6}{taken:>10.0f}" for kind, taken in seconds.most_common()]
    rows.append(f"{'./pants in all':<16}{len(lines):>6}{whole:>10.0f}")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()))
