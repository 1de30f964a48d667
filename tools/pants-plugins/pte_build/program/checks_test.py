"""Which test validates which program, and with which thresholds."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner
from pants.util.frozendict import FrozenDict

from pte_build.program.checks import DeclaredTest, ProgramTest, ProgramTestRequest
from pte_build.stand_in_repository import program_text, target_text
from pte_build.test_support import ALPHA_FAST, ALPHA_SLOW, make_runner, refusal
from pte_foundry.records.checks import Checks
from pte_foundry.records.limits import Limits
from pte_foundry.records.trained_checks import TrainedChecks


@pytest.fixture()
def runner() -> RuleRunner:
    return make_runner(queries=(QueryRule(DeclaredTest, (ProgramTestRequest,)),))


def test_fields_of_a_test(runner: RuleRunner) -> None:
    test = runner.request(DeclaredTest, [ProgramTestRequest(ALPHA_FAST)]).test
    assert test == ProgramTest(
        address=Address("models/alpha", target_name="alpha_fast_test"),
        checks=Checks(
            min_cosine=0.9999,
            max_abs_difference=0.001,
            max_size_ratio=1.1,
            max_planned_memory_ratio=1.05,
            photographs=FrozenDict({"cat.png": "cat"}),
        ),
        photographs=Address("toolchains", target_name="photographs"),
        samples=None,
        limits=Limits(300, 4096),
        timeout=900,
    )


def test_a_test_without_photographs(runner: RuleRunner) -> None:
    test = runner.request(DeclaredTest, [ProgramTestRequest(ALPHA_SLOW)]).test
    assert test is not None
    assert (test.photographs, test.checks.photographs) == (None, FrozenDict())


PROGRAM = Address("bad", target_name="p")


def test_thresholds_of_trained_weights(runner: RuleRunner) -> None:
    thresholds = {"min_top1_agreement": 1.0, "max_extra_detections": 0.0}
    test = target_text("pte_test", "p_test", program=[":p"], **thresholds)
    runner.write_files({"bad/BUILD": program_text("p") + test})
    found = runner.request(DeclaredTest, [ProgramTestRequest(PROGRAM)]).test
    assert found is not None
    # A bound of 0 is a bound.
    assert found.checks.trained == TrainedChecks(min_top1_agreement=1.0, max_extra_detections=0.0)


def test_a_bound_without_unit(runner: RuleRunner) -> None:
    test = target_text("pte_test", "p_test", program=[":p"], max_relative_error=0.2)
    runner.write_files({"bad/BUILD": program_text("p") + test})
    found = runner.request(DeclaredTest, [ProgramTestRequest(PROGRAM)]).test
    assert found is not None and found.checks.max_relative_error == 0.2
    assert found.checks.to_json()["max_relative_error"] == 0.2


@pytest.mark.parametrize(
    ("precision", "test", "ratio"),
    [("fp32", {}, 1.1), ("fp16", {}, 0.54), ("fp16", {"max_size_ratio": 0.7}, 0.7)],
)
def test_the_size_budget_is_the_backends_unless_the_test_has_its_own(
    runner: RuleRunner, precision: str, test: dict[str, float], ratio: float
) -> None:
    backend = target_text(
        "pte_backend",
        "b",
        resolve="engine",
        lowering=["src/python/pte_foundry/backends/fast.py"],
        precisions=["fp32", "fp16"],
        max_size_ratios={"fp16": 0.54},
        platforms=["linux"],
        summary="Of two precisions.",
    )
    program = program_text("p", backend=[":b"], precision=precision)
    text = backend + program + target_text("pte_test", "p_test", program=[":p"], **test)
    runner.write_files({"bad/BUILD": text})
    found = runner.request(DeclaredTest, [ProgramTestRequest(PROGRAM)]).test
    assert found is not None and found.checks.max_size_ratio == ratio


def test_a_program_without_test(runner: RuleRunner) -> None:
    runner.write_files({"bad/BUILD": program_text("p")})
    assert runner.request(DeclaredTest, [ProgramTestRequest(PROGRAM)]) == DeclaredTest(None)


def test_a_test_of_another_program(runner: RuleRunner) -> None:
    test = target_text("pte_test", "p_test", program=["models/alpha:alpha_fast"])
    runner.write_files({"bad/BUILD": program_text("p") + test})
    message = refusal(runner, DeclaredTest, ProgramTestRequest(PROGRAM))
    assert message.startswith("bad:p_test: by its name it is the test of bad:p")
    assert "`program` names models/alpha:alpha_fast" in message
