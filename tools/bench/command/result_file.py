"""The results as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.benchmarks.measurement import Measurement
from bench.command.machine import BenchMachine
from bench.command.run_benchmarks import Results
from workspace.errors import ToolError
from workspace.repository import Repository

Document = dict[str, Any]
"""A result file: `command`, `commit`, `modified`, `machine`, `measurements` and `errors`."""


def results_document(
    results: Results, repository: Repository, machine: BenchMachine, command: Sequence[str]
) -> Document:
    """`commit` and `modified` say what was measured, `command` the tool's arguments."""
    return {
        "command": list(command),
        "commit": repository.commit,
        "modified": repository.modified,
        "machine": machine.to_json(),
        "measurements": [_row(row) for row in results.measurements],
        "errors": dict(results.errors),
    }


def _row(row: Measurement) -> dict[str, object]:
    return {
        "benchmark": row.benchmark,
        "what": row.what,
        "baseline": row.baseline,
        "value": round(row.value, 4),
        "unit": row.unit,
        "goal": {row.goal.kind: row.goal.bound},
        "met": row.met,
        "details": dict(row.details),
    }


def to_text(document: Document) -> str:
    return json.dumps(document, indent=2) + "\n"


def read_results(path: Path) -> Document:
    """Raises ToolError if the file is not what `results_document` makes."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ToolError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(document, dict) or not {"machine", "measurements"} <= document.keys():
        raise ToolError(f"{path}: not a result of this tool; name a file that --json has written")
    return document
