from __future__ import annotations

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.declared import Declared
from pte_foundry.records.delegation import Delegation
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.report import Report, build_report
from pte_foundry.testing.reports import SHA, sample_declared, sample_facts


def build(declared: dict[str, object], facts: dict[str, object]) -> Report:
    return build_report(
        Declared.read(Fields(declared, "declared.json")), Fields(facts, "facts.json")
    )


def test_a_report_holds_what_was_declared_and_what_was_found() -> None:
    report = build(sample_declared(), sample_facts()).to_json()
    facts = sample_facts()
    assert {name: report[name] for name in sample_declared()} == sample_declared()
    for name in ("versions", "rewrites", "inputs", "outputs", "delegation", "parameters"):
        assert report[name] == facts[name]
    assert (report["sha256"], report["size"]) == (SHA, 10234567)
    assert report["planned_memory_bytes"] == [1204224]


def test_json_round_trip() -> None:
    report = build(sample_declared(), sample_facts())
    assert Report.read(Fields(report.to_json(), "report.json")) == report


def test_a_program_that_calls_no_delegate_cannot_carry_the_backends_name() -> None:
    delegation = Delegation({}, {"aten::convolution.out": 52, "aten::add.out": 6}, 316).to_json()
    with pytest.raises(PteError) as caught:
        build(sample_declared(), sample_facts(delegation=delegation))
    assert caught.value.kind == "delegation"
    assert "models/mobilenet:mobilenet_v3_small_xnnpack" in caught.value.message
    assert "aten::convolution.out x 52, aten::add.out x 6" in caught.value.message


def test_a_program_below_its_floor_is_refused() -> None:
    delegation = Delegation({"XnnpackBackend": 1}, {"aten::add.out": 1}, 316).to_json()
    with pytest.raises(PteError, match="1 operators are left"):
        build(sample_declared(), sample_facts(delegation=delegation))


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "yolo11n"},
        {"precision": "int8"},
        {"versions": {"torch": "2.13.0"}},
        {"inputs": []},
        {"outputs": [{"name": "logits"}]},
        {"pte": {"sha256": "short", "size": 1}},
        {"parameters": {"count": -1, "bytes": 4}},
    ],
)
def test_facts_that_cannot_belong_to_the_declaration_are_refused(
    changes: dict[str, object],
) -> None:
    with pytest.raises(PteError) as caught:
        build(sample_declared(), sample_facts(**changes))
    assert caught.value.kind == "bad-request"
