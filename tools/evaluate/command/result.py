"""What an evaluation found: as a file, as a table, and as results that `foundry record` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table
from rich.text import Text

from bench.command.machine import BenchMachine
from pte_foundry.evaluation.data_set import DataSet
from pte_foundry.evaluation.request import EAGER, INTERPRETED
from pte_foundry.records.device_result import (
    Device,
    DeviceResult,
    MeasuredBy,
    MeasuredProgram,
    Versioned,
)
from pte_foundry.records.measured_accuracy import MeasuredAccuracy, Score
from pte_foundry.records.report import Report

SCHEMA_VERSION = 1
REFERENCE = "eager fp32"


@dataclass(frozen=True)
class Row:
    """What is known of a program, or of the eager model.

    Attributes:
        report: None for the eager model, and for a program that was not built.
        runs: `executed`, `interpreted` or `eager`; None if it did not run.
        scores: share by name; empty if it did not run.
        why_not: the reason that it did not.
        failed: whether it began to, and its process failed.
    """

    name: str
    report: Report | None
    runs: str | None
    scores: Mapping[str, float]
    why_not: str | None = None
    failed: bool = False

    @property
    def without_scores(self) -> str:
        """What is said of a program that has no scores, before the reason."""
        return "failed" if self.failed else "not here"


def result_json(
    model: str, data_set: DataSet, day: str, weights: Mapping[str, object], rows: Sequence[Row]
) -> dict[str, object]:
    """The whole result. day: ISO 8601."""
    return {
        "schema_version": SCHEMA_VERSION,
        "model": model,
        "date": day,
        "data_set": {
            "name": data_set.name,
            "pictures": len(data_set.pictures),
            "sha256": data_set.sha256,
        },
        "weights": dict(weights),
        "programs": [_row_json(row) for row in rows],
    }


def _row_json(row: Row) -> dict[str, object]:
    report = row.report
    identity: dict[str, object] = (
        {}
        if report is None
        else {
            "address": report.declared.address,
            "backend": report.declared.backend,
            "precision": report.precision,
            "sha256": report.sha256,
        }
    )
    if row.why_not is not None:
        return {"name": row.name, **identity, "not_run": row.why_not}
    return {"name": row.name, **identity, "runs": row.runs, "scores": dict(row.scores)}


def result_table(rows: Sequence[Row]) -> Table:
    """Scores in percent, and how far they are from the eager model's."""
    reference = _reference(rows)
    table = Table("program", "runs")
    for name in reference:
        table.add_column(name, justify="right")
    for row in rows:
        if row.why_not is not None:
            table.add_row(Text(row.name), Text(row.without_scores), *(["–"] * len(reference)))
            continue
        table.add_row(
            Text(row.name),
            Text(str(row.runs)),
            *(_cell(row, name, value) for name, value in reference.items()),
        )
    return table


def _cell(row: Row, name: str, eager: float) -> Text:
    value = row.scores[name]
    if row.runs == EAGER:
        return Text(f"{100 * value:.2f}")
    return Text(f"{100 * value:.2f} ({100 * (value - eager):+.2f})")


def device_results(
    rows: Sequence[Row], data_set: DataSet, day: str, who: str, machine: BenchMachine
) -> dict[str, DeviceResult]:
    """File name -> a result for `foundry record`, of each program that ran."""
    reference = _reference(rows)
    found = {}
    for row in rows:
        if row.report is None or row.why_not is not None:
            continue
        version = row.report.versions["executorch"]
        runtime = Versioned("ExecuTorch", version)
        how = "accuracy alone, with `foundry evaluate`"
        if row.runs == INTERPRETED:
            runtime = Versioned("interpreter of pte-foundry", f"for ExecuTorch {version}")
            how += (
                ": the delegate's payload ran in PyTorch on the CPU, not on a device that it is for"
            )
        scores = tuple(
            Score(name, value, reference.get(name)) for name, value in row.scores.items()
        )
        system, _, architecture = machine.system.partition(" ")
        file = Path(row.name).name
        found[f"{row.name}.json"] = DeviceResult(
            program=MeasuredProgram(f"{file}.pte", row.report.sha256),
            device=Device("a computer", machine.cpu),
            system=Versioned(system, architecture or "unknown"),
            runtime=runtime,
            parity=(),
            latency=None,
            peak_memory_bytes=None,
            load_ms=None,
            accuracy=MeasuredAccuracy(
                data_set.name, len(data_set.pictures), data_set.sha256, scores
            ),
            source=MeasuredBy(who, day, how),
        )
    return found


def _reference(rows: Sequence[Row]) -> Mapping[str, float]:
    return next((row.scores for row in rows if row.runs == EAGER), {})
