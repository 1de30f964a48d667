from __future__ import annotations

from xml.etree import ElementTree

import pytest

from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.workspace import Workspace
from pte_foundry.validation.case import Bound, Case, Kind, Status, skipped
from pte_foundry.validation.request import ValidationRequest
from pte_foundry.validation.result import (
    evidence,
    junit_xml,
    result_json,
    summary,
    verdict,
)


def case(status: Status, kind: Kind = "run") -> Case:
    return Case("a", kind, status, "", {})


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        ([], "failed"),
        ([skipped("a", "why")], "failed"),
        ([case("passed")], "passed"),
        ([case("passed"), skipped("a", "why")], "passed"),
        ([case("passed"), case("failed")], "failed"),
    ],
)
def test_only_something_that_passed_and_nothing_that_failed_is_a_pass(
    cases: list[Case], expected: str
) -> None:
    assert verdict(cases) == expected


def test_only_a_comparison_of_what_ran_counts_as_executed() -> None:
    assert evidence([case("passed", "structure"), skipped("parity", "")]) == "structural"
    assert evidence([case("passed"), case("failed", "mismatch")]) == "structural"
    # A graph was compared in torch; the program did not run.
    assert evidence([case("passed", "mismatch"), skipped("run", "")]) == "structural"
    assert evidence([case("passed"), case("passed", "mismatch")]) == "executed"


def test_the_result_names_program_weights_and_cases(workspace: Workspace) -> None:
    workspace.write()
    request = ValidationRequest.read(Fields(workspace.request, "request"), workspace.folder)
    cases = [case("passed"), case("passed", "mismatch"), skipped("b", "why")]
    result = result_json(request, workspace.pte, cases)
    assert result == {
        "address": "models/colour:colour_xnnpack_test",
        "verdict": "passed",
        "evidence": "executed",
        "weights_source": "substitute",
        "pte_sha256": workspace.report["sha256"],
        "thresholds": {},
        "cases": [each.to_json() for each in cases],
    }
    assert summary(request, cases) == (
        "models/colour:colour_xnnpack_test: passed "
        "(executed, substitute weights; 2 passed, 0 failed, 1 skipped)"
    )


def test_the_worst_value_stands_beside_its_threshold(workspace: Workspace) -> None:
    def bounded(name: str, cosine: float, difference: float) -> Case:
        bounds = (Bound("min_cosine", cosine, 0.9), Bound("max_abs_difference", difference, 1.0))
        return Case(name, "mismatch", "passed", "", {}, bounds)

    cases = [
        bounded("parity:a", 0.99, 0.5),
        bounded("parity:b", 0.98, 0.25),
        bounded("graph:a", 0.1, 9.0),
        case("passed"),
    ]
    workspace.write()
    request = ValidationRequest.read(Fields(workspace.request, "request"), workspace.folder)
    assert result_json(request, b"", cases)["thresholds"] == {
        "max_abs_difference": {"measured": 0.5, "threshold": 1.0},
        "min_cosine": {"measured": 0.98, "threshold": 0.9},
    }
    assert "worst cosine 0.9800000; greatest difference 0.5; 4 passed" in summary(request, cases)


CASES = (
    Case("digest", "structure", "passed", "fine", {}),
    Case("promise", "delegation", "failed", 'never <calls> "X" & \x00\x1b\ud800', {}),
    skipped("task:a.png", "no training"),
)


def test_the_xml_counts_and_names_the_cases() -> None:
    suite = ElementTree.fromstring(junit_xml("models/a:b_test", CASES))[0]
    counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["3", "1", "0", "1"]
    assert suite.get("time") is None, "the text depends on the cases alone"
    passed, failed, skip = suite
    assert (passed.get("classname"), passed.get("name")) == ("models/a:b_test", "digest")
    assert len(passed) == 0
    assert (failed[0].tag, failed[0].get("type")) == ("failure", "delegation")
    assert failed[0].get("message") == 'never <calls> "X" & ???'
    assert (skip[0].tag, skip[0].get("message")) == ("skipped", "no training")
