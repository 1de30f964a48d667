from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.benchmarks.int8 import (
    _FLOAT,
    _INT8,
    _cosine,
    difference_row,
    latency_row,
    size_row,
)
from bench.benchmarks.measurement import Goal
from bench.benchmarks.programs import BenchProgram
from bench.latency.arrays import write_arrays
from bench.latency.files import EXECUTORCH, outputs_file
from pte_foundry.records.declared import Declared
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.report import Report, build_report
from pte_foundry.testing.reports import SHA, sample_declared, sample_facts
from workspace.errors import ToolError
from workspace.sandbox_python import SandboxPython

ADDRESS = "models/a:net_int8_xnnpack"


def report(size: int = 1000, **declared: object) -> Report:
    return build_report(
        Declared.read(Fields(sample_declared(address=ADDRESS, **declared), "declared.json")),
        Fields(
            {**sample_facts(pte={"sha256": SHA, "size": size}), **model(declared)}, "facts.json"
        ),
    )


def model(declared: dict[str, object]) -> dict[str, object]:
    return {"model": declared["model"]} if "model" in declared else {}


@pytest.mark.parametrize(
    ("family", "name", "bound"),
    [
        ("yolo", "yolo11n", 0.3),
        ("mobilenet", "mobilenet_v2", 0.3),
        ("mobilenet", "mobilenet_v3_small", 0.4),
        ("pe_core", "pe_core_t16_384", 0.36),
    ],
)
def test_how_small_depends_on_family_and_model(family: str, name: str, bound: float) -> None:
    row = size_row(report(round(1000 * bound), family=family, model=name), report())
    assert (row.goal, row.met, row.value) == (Goal("at_most", bound), True, bound)
    assert not size_row(report(round(1000 * bound) + 1, family=family, model=name), report()).met


@pytest.mark.parametrize(
    ("family", "int8", "met"),
    [
        ("yolo", 5.0, True),
        ("yolo", 5.1, False),
        ("pe_core", 7.14, True),
        ("pe_core", 7.15, False),
        ("mobilenet", 10.0, True),
        ("mobilenet", 10.1, False),
    ],
)
def test_how_fast_depends_on_the_family(family: str, int8: float, met: bool) -> None:
    row = latency_row(report(family=family), 2, {_INT8: int8, _FLOAT: 10.0}, 30, 0.99)
    assert row.met is met
    assert row.what == f"{ADDRESS}: time, 2 threads"
    assert (row.details["int8_ms"], row.details["fp32_ms"]) == (int8, 10.0)


def test_outputs_are_held_to_the_bound_of_the_programs_own_test() -> None:
    checks: dict[str, object] = {
        "min_cosine": 0.9,
        "max_abs_difference": None,
        "photographs": {},
        "trained": None,
        "max_size_ratio": None,
        "max_planned_memory_ratio": None,
    }
    own = report(checks=checks)
    assert difference_row(own, {1: 0.9, 2: 0.95}).met
    assert difference_row(own, {1: 0.89, 2: 0.95}).value == 1
    with pytest.raises(ToolError, match=f"{ADDRESS}: its test declares no `min_cosine`"):
        difference_row(report(checks={**checks, "min_cosine": None, "max_abs_difference": 1}), {})


def test_the_outputs_of_both_programs_are_compared(tmp_path: Path) -> None:
    pythons = {name: SandboxPython(tmp_path / name, ()) for name in (_INT8, _FLOAT)}
    values = {_INT8: [4.0, 0.0], _FLOAT: [3.0, 4.0]}
    for name, python in pythons.items():
        python.folder.mkdir()
        write_arrays(outputs_file(python.folder, EXECUTORCH, 2), [np.array(values[name])])
    assert _cosine(BenchProgram(ADDRESS), pythons, 2) == pytest.approx(0.6)
    write_arrays(outputs_file(pythons[_FLOAT].folder, EXECUTORCH, 2), [np.zeros(2)])
    with pytest.raises(ToolError, match=f"{ADDRESS}.*constant"):
        _cosine(BenchProgram(ADDRESS), pythons, 2)
