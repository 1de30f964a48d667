"""The results as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path

from bench.command.run_benchmarks import Results
from workspace.repository import Repository


def results_json(results: Results, repository: Repository, cpus: int) -> str:
    """The file's text. `commit` and `modified` say what was measured; `cpus` is a count."""
    document = {
        "commit": repository.commit,
        "modified": repository.modified,
        "cpus": cpus,
        "measurements": [
            {
                "benchmark": row.benchmark,
                "what": row.what,
                "baseline": row.baseline,
                "value": round(row.value, 4),
                "unit": row.unit,
                "goal": {row.goal.kind: row.goal.bound},
                "met": row.met,
                "details": dict(row.details),
            }
            for row in results.measurements
        ],
        "errors": dict(results.errors),
    }
    return json.dumps(document, indent=2) + "\n"


def write_results(path: Path, text: str) -> None:
    """Replace the file at once, so that no reader sees a part of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
