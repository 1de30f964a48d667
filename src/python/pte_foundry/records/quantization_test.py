from __future__ import annotations

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.declared import Declared
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.quantization import Quantization
from pte_foundry.records.report import Report, build_report
from pte_foundry.testing.reports import (
    QUANTIZATION_FLOOR,
    sample_declared,
    sample_facts,
    sample_int8_declared,
    sample_int8_facts,
    sample_quantization,
)


def build(declared: dict[str, object], facts: dict[str, object]) -> Report:
    return build_report(
        Declared.read(Fields(declared, "declared.json")), Fields(facts, "facts.json")
    )


def test_a_report_says_how_and_how_much() -> None:
    report = build(sample_int8_declared(), sample_int8_facts())
    written = report.to_json()
    assert written["quantization"] == sample_quantization()
    assert written["quantization_floor"] == QUANTIZATION_FLOOR
    assert Report.read(Fields(written, "report.json")) == report


def test_a_float_program_has_null() -> None:
    written = build(sample_declared(), sample_facts()).to_json()
    assert (written["quantization"], written["quantization_floor"]) == (None, None)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (
            {"weights_fraction": 0.949999},
            "0.949999 of its weights are stored as integers, but at least 0.95",
        ),
        (
            {"compute_fraction": 0.0},
            "0.0 of its multiply-accumulates use integers, but at least 0.9",
        ),
    ],
)
def test_a_program_below_its_floor_is_refused(found: dict[str, object], reason: str) -> None:
    with pytest.raises(PteError) as caught:
        build(sample_int8_declared(), sample_int8_facts(**found))
    assert caught.value.kind == "quantization"
    assert "models/mobilenet:mobilenet_v3_small_xnnpack is quantized less" in caught.value.message
    assert reason in caught.value.message
    assert "In float: aten.mean.dim x 2, aten.convolution.default x 1." in caught.value.message


def test_a_program_at_its_floor_is_not() -> None:
    build(sample_int8_declared(), sample_int8_facts(weights_fraction=0.95, compute_fraction=0.9))


def test_quantized_weights_alone_have_no_floor_of_compute() -> None:
    floor = {"min_quantized_weights": 0.95, "min_quantized_compute": None}
    declared = {**sample_int8_declared(), "quantization_floor": floor}
    report = build(declared, sample_int8_facts(compute_fraction=0.0, calibration=[]))
    assert report.quantization is not None and report.quantization.calibration == ()


@pytest.mark.parametrize(
    ("declared", "facts"),
    [
        (sample_declared(precision="int8"), sample_int8_facts()),
        (sample_int8_declared(), sample_facts(precision="int8")),
    ],
    ids=["no floor", "not quantized"],
)
def test_a_floor_and_a_quantization_go_together(
    declared: dict[str, object], facts: dict[str, object]
) -> None:
    with pytest.raises(
        PteError, match="without a quantization floor, and only for those"
    ) as caught:
        build(declared, facts)
    assert caught.value.kind == "bad-request"


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": ""},
        {"options": {"a": 1}},
        {"calibration": [{"file": "a.jpg", "sha256": "short"}]},
        {"calibration": ["a.jpg"]},
        {"weights_fraction": 1.01},
        {"compute_fraction": -0.01},
        {"compute_fraction": None},
        {"quantized": {"aten.add": -1}},
        {"in_float": {"aten.add": 0.5}},
    ],
)
def test_what_no_export_writes_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(PteError) as caught:
        Quantization.read(Fields(sample_quantization(**changes), "facts.json: quantization"))
    assert caught.value.kind == "bad-request"


@pytest.mark.parametrize("name", [*QUANTIZATION_FLOOR])
@pytest.mark.parametrize("value", [0, -0.5, 1.5])
def test_a_floor_that_bounds_nothing_is_refused(name: str, value: float) -> None:
    declared = {**sample_int8_declared(), "quantization_floor": {**QUANTIZATION_FLOOR, name: value}}
    with pytest.raises(PteError, match="not above 0 and at most 1"):
        Declared.read(Fields(declared, "declared.json"))
