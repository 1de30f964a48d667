"""Which test validates which program, and with which thresholds."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner
from pants.util.frozendict import FrozenDict

from pte_build.program.checks import DeclaredChecks, ProgramChecks, ProgramChecksRequest
from pte_build.stand_in_repository import program_text, target_text
from pte_build.test_support import ALPHA_FAST, ALPHA_SLOW, make_runner, refusal


@pytest.fixture()
def runner() -> RuleRunner:
    return make_runner(queries=(QueryRule(ProgramChecks, (ProgramChecksRequest,)),))


def test_fields_of_a_test(runner: RuleRunner) -> None:
    checks = runner.request(ProgramChecks, [ProgramChecksRequest(ALPHA_FAST)]).checks
    assert checks == DeclaredChecks(
        address=Address("models/alpha", target_name="alpha_fast_test"),
        min_cosine=0.9999,
        max_abs_difference=0.001,
        max_size_ratio=1.1,
        max_planned_memory_ratio=1.05,
        photographs=Address("toolchains", target_name="photographs"),
        expected_labels=FrozenDict({"cat.png": "cat"}),
        time_limit=300,
        memory_limit=4096,
        timeout=900,
    )
    # The timeout and the limits are no thresholds: they must not change a report.
    assert checks.as_json() == {
        "min_cosine": 0.9999,
        "max_abs_difference": 0.001,
        "photographs": {"cat.png": "cat"},
        "trained": None,
        "max_size_ratio": 1.1,
        "max_planned_memory_ratio": 1.05,
    }


def test_a_test_without_photographs(runner: RuleRunner) -> None:
    checks = runner.request(ProgramChecks, [ProgramChecksRequest(ALPHA_SLOW)]).checks
    assert checks is not None
    assert (checks.photographs, checks.expected_labels) == (None, FrozenDict())


PROGRAM = Address("bad", target_name="p")


def test_thresholds_of_trained_weights(runner: RuleRunner) -> None:
    thresholds = {"min_top1_agreement": 1.0, "max_extra_detections": 0.0}
    test = target_text("pte_test", "p_test", program=[":p"], **thresholds)
    runner.write_files({"bad/BUILD": program_text("p") + test})
    checks = runner.request(ProgramChecks, [ProgramChecksRequest(PROGRAM)]).checks
    assert checks is not None
    # A bound of 0 is a bound.
    assert checks.as_json()["trained"] == {
        "min_trained_cosine": None,
        "min_top1_agreement": 1.0,
        "min_matched_detections": None,
        "max_extra_detections": 0.0,
        "max_score_difference": None,
        "min_box_iou": None,
    }


def test_a_program_without_test(runner: RuleRunner) -> None:
    runner.write_files({"bad/BUILD": program_text("p")})
    assert runner.request(ProgramChecks, [ProgramChecksRequest(PROGRAM)]) == ProgramChecks(None)


def test_a_test_of_another_program(runner: RuleRunner) -> None:
    test = target_text("pte_test", "p_test", program=["models/alpha:alpha_fast"])
    runner.write_files({"bad/BUILD": program_text("p") + test})
    message = refusal(runner, ProgramChecks, ProgramChecksRequest(PROGRAM))
    assert message.startswith("bad:p_test: by its name it is the test of bad:p")
    assert "`program` names models/alpha:alpha_fast" in message
