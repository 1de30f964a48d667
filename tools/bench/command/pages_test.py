"""The pages of a tree can show results of this tool."""

from __future__ import annotations

import json
from pathlib import Path

from bench.benchmarks import int8
from bench.benchmarks.latency import latency_rows
from bench.benchmarks.programs import BenchProgram
from bench.command.machine import BenchMachine
from bench.command.result_file import results_document, to_text
from bench.command.run_benchmarks import Results
from bench.latency.files import RUNTIMES
from pte_foundry.records.declared import Declared
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.report import build_report
from pte_foundry.testing.reports import sample_declared, sample_facts
from pte_foundry.tree.pages.latencies import read_latencies
from workspace.repository import Repository

FP32, INT8 = "models/a:net_xnnpack", "models/a:net_int8_xnnpack"


def test_the_pages_can_read_what_latency_and_int8_measure(tmp_path: Path) -> None:
    declared = Declared.read(Fields(sample_declared(address=INT8), "declared.json"))
    report = build_report(declared, Fields(sample_facts(), "facts.json"))
    medians = {runtime: 10.0 + number for number, runtime in enumerate(RUNTIMES)}
    both = {int8._INT8: 3.0, int8._FLOAT: 12.0}
    rows = (
        *latency_rows(BenchProgram(FP32), 2, medians, 30, {"onnxruntime": "1.31.1"}),
        int8.size_row(report, report),
        int8.latency_row(report, 1, both, 7, 0.999),
    )
    document = results_document(
        Results(rows, {}),
        Repository(tmp_path, "0" * 40, True, ()),
        BenchMachine("a CPU", 2, 24.0, "Linux x86_64", 0.1),
        ["latency", "int8"],
    )
    found = read_latencies([Fields(json.loads(to_text(document)), "results.json")])
    ((float_,), (quantised,)) = found[FP32], found[INT8]
    assert (float_.threads, float_.milliseconds, float_.samples) == (2, 11.0, 30)
    assert [(each.name, each.milliseconds) for each in float_.baselines] == [
        ("eager torch", 10.0),
        ("ONNX Runtime 1.31.1", 12.0),
        ("OpenVINO", 13.0),
    ]
    assert (quantised.threads, quantised.milliseconds, quantised.samples) == (1, 3.0, 7)
    assert [(each.name, each.milliseconds) for each in quantised.baselines] == [
        ("fp32 program", 12.0)
    ]
    assert float_.measured.modified
