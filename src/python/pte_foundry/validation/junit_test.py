from __future__ import annotations

from xml.etree import ElementTree

from pte_foundry.validation.case import Case, skipped
from pte_foundry.validation.junit import junit_xml

CASES = (
    Case("digest", "structure", "passed", "fine", {}),
    Case("promise", "delegation", "failed", 'never <calls> "X" & \x00\x1b\ud800', {}),
    skipped("task:a.png", "no training"),
)


def test_the_xml_counts_and_names_the_cases() -> None:
    suite = ElementTree.fromstring(junit_xml("models/a:b_test", CASES))[0]
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
    }
    passed, failed, skip = suite
    assert (passed.get("classname"), passed.get("name"), len(passed)) == (
        "models/a:b_test",
        "digest",
        0,
    )
    assert failed[0].tag == "failure"
    assert failed[0].get("type") == "delegation"
    assert failed[0].get("message") == 'never <calls> "X" & ???'
    assert (skip[0].tag, skip[0].get("message")) == ("skipped", "no training")


def test_equal_cases_give_equal_text() -> None:
    assert junit_xml("a:b", CASES) == junit_xml("a:b", CASES)
    assert "time" not in junit_xml("a:b", CASES[:1])
