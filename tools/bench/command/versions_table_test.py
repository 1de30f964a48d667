from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from bench.benchmarks.measurement import Measurement
from bench.benchmarks.versions import Version, error_row, latency_row, size_row
from bench.command.versions_table import versions_lines
from pte_foundry.records.declared import Declared
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.report import Report, build_report
from pte_foundry.testing.reports import sample_declared, sample_facts

ADDRESSES = ("models/a:net_xnnpack", "models/a:net_portable")


def reports(address: str, size: int = 1000) -> tuple[Report, Report]:
    """Of the present version, whose program has `size` bytes, and of the older one."""
    declared = Declared.read(Fields(sample_declared(address=address), "declared.json"))

    def report(version: str, pte: Mapping[str, object]) -> Report:
        facts = sample_facts(versions={"executorch": version}, pte=pte)
        return build_report(declared, Fields(facts, "facts.json"))

    older = {"sha256": "0" * 64, "size": 1000}
    return report("1.5.1", older if size == 1000 else {"sha256": "1" * 64, "size": size}), report(
        "1.4.1", older
    )


def rows(address: str, size: int, errors: tuple[float, float], threads: int = 1) -> Any:
    pair = reports(address, size)
    both: dict[Version, float] = {"present": errors[0], "older": errors[1]}
    seconds: dict[Version, list[float]] = {"present": [2.0, 2.2], "older": [2.0, 2.0]}
    found: list[Measurement] = [
        size_row(*pair),
        error_row(*pair, threads, both),
        latency_row(*pair, threads, seconds, 2),
    ]
    return [
        {**dataclasses.asdict(row), "goal": {"at_most": 1.03}, "met": row.value <= 1.03}
        for row in found
    ]


def test_a_program_is_one_line() -> None:
    lines = versions_lines(
        [*rows(ADDRESSES[0], 1000, (0.01, 0.01), 2), *rows(ADDRESSES[1], 1100, (0.02, 0.01))]
    )
    assert "1 of 2 programs have the same bytes in both." in lines[0]
    assert "| program | bytes | error | time, 1 thread | time, 2 threads |" in lines
    assert (
        "| models/a:net_xnnpack | the same | 1.000 | – | **1.050** (1.000 to 1.000), 2100.00 ms |"
        in lines
    )
    assert (
        "| models/a:net_portable | **1.100** | **2.000** | **1.050** (1.000 to 1.000), 2100.00 ms | – |"
        in lines
    )


def test_what_missed_its_goal_is_listed() -> None:
    good = rows(ADDRESSES[0], 1000, (0.01, 0.01))[:2]
    assert "Missed:" not in versions_lines(good)
    lines = versions_lines(rows(ADDRESSES[0], 1000, (0.02, 0.01)))
    listed = lines[lines.index("Missed:") + 2 :]
    assert listed == [
        "- models/a:net_xnnpack, ExecuTorch 1.5.1: error, 1 thread: 2.000, at most 1.03",
        "- models/a:net_xnnpack, ExecuTorch 1.5.1: time, 1 thread: 1.050, at most 1.03",
    ]
