from __future__ import annotations

from pathlib import Path

import pytest

from bench.benchmarks.cold import rows as cold_rows
from bench.benchmarks.latency import disagreement_row, latency_rows
from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.programs import BenchProgram
from bench.command.machine import BenchMachine
from bench.command.markdown_page import markdown_page
from bench.command.result_file import Document, results_document
from bench.command.run_benchmarks import Results
from workspace.kept_sandbox import ProcessCost
from workspace.pants_run import PantsRun
from workspace.repository import Repository

PROGRAM = BenchProgram("models/a:net_xnnpack")


def document(*rows: Measurement, load: float = 0.1, **errors: str) -> Document:
    repository = Repository(Path("/nowhere"), "0123456789abcdef", False, ())
    machine = BenchMachine("a CPU", 2, 24.0, "Linux x86_64", load)
    return results_document(Results(rows, errors), repository, machine, ["noop"])


def row(value: float) -> Measurement:
    return Measurement("noop", "a | b", "base", value, "ratio", Goal("at_most", 1.5))


def test_a_benchmark_is_a_table_with_its_origin() -> None:
    page = markdown_page([document(row(1.2345), row(1.6))])
    assert "## noop\n\nA warm `package ::`" in page
    assert "Goals met: 1 of 2." in page
    assert "| a \\| b | base | 1.234 | at most 1.5 | met |" in page
    assert "| a \\| b | base | 1.600 | at most 1.5 | **missed** |" in page
    assert (
        "`./foundry bench noop` at commit 0123456789ab, on Linux x86_64, a CPU, 2 CPUs, 24 GB; "
        "load in the minute before: 0.1.\n"
    ) in page


@pytest.mark.parametrize(("load", "preliminary"), [(0.4, False), (0.5, True)])
def test_numbers_of_a_busy_machine_are_marked(load: float, preliminary: bool) -> None:
    assert ("Preliminary" in markdown_page([document(row(1.0), load=load)])) is preliminary


def test_several_results_make_one_page_and_failures_stay() -> None:
    failed = document(rebuild="the reason\nand a log")
    page = markdown_page([document(row(1.0)), failed])
    assert page.index("## noop") < page.index("## rebuild\n\nCould not be measured: the reason\n")
    assert "and a log" not in page


def test_all_runtimes_of_a_program_are_in_one_line() -> None:
    medians = {"eager": 4.0, "executorch": 2.0, "onnxruntime": 1.6, "openvino": 0.5}
    agreeing = disagreement_row(PROGRAM, {"executorch, 1 thread": 1.0}, 0.9)
    rows = latency_rows(PROGRAM, 1, medians, 30, {"onnx": "1.2"})
    page = markdown_page([document(agreeing, *rows)])
    assert (
        "| models/a:net_xnnpack | 1 | 4.00 | 2.00 | 1.60 | 0.50 | 1.250 (at most 1: **missed**) "
        "| 2.000 (at least 2: met) |"
    ) in page
    assert "Versions: onnx 1.2." in page
    assert "not compared" not in page


def test_a_program_with_wrong_outputs_is_shown() -> None:
    wrong = disagreement_row(
        PROGRAM, {"openvino, 2 threads": 0.2, "executorch, 1 thread": 1.0}, 0.9
    )
    page = markdown_page([document(wrong)])
    assert (
        "models/a:net_xnnpack: runtimes with other outputs: openvino, 2 threads; not compared."
        in page
    )


def test_the_split_of_a_cold_run_and_the_exports_of_the_script_are_shown() -> None:
    costs = {PROGRAM: ProcessCost(4.04, 2_500_000_000)}
    ours = {PROGRAM: ProcessCost(3.0, 2_600_000_000)}
    run = PantsRun(("--level=info", "test", "::"), 0, "", 100.0)
    kinds = {"exports": {"count": 18, "seconds": 60.4}}
    page = markdown_page([document(*cold_rows(run, kinds, 2.0, 30.0, 0.5, costs, ours))])
    assert "| exports | 18 | 60 |" in page
    assert "| models/a:net_xnnpack | 4.0 | 2.50 |" in page
    assert "| 2.60 GB | at most 3 | met |" in page
