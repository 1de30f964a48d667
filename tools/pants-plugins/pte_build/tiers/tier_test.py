"""Which tests a glob passes over."""

from __future__ import annotations

import logging

import pytest
from pants.core.goals.test import TestResult
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.stand_in_repository import program_text, target_text
from pte_build.test_support import SEEDED, make_runner, set_options
from pte_build.tiers.tier import asked_for
from pte_build.validation.goal import PteTestFieldSet, PteTestRequest

NIGHTLY = "--test-tiers-left-out=nightly"
TEST = Address("models/late", target_name="late_test")


@pytest.mark.parametrize(
    ("option", "tags"),
    [
        ((), set()),
        (("nightly",), {"nightly"}),
        (("+a,nightly", "b"), {"a", "b", "nightly"}),
        (("-nightly",), set()),
        (("-a,nightly", "b"), {"b"}),
    ],
)
def test_tags_that_are_asked_for(option: tuple[str, ...], tags: set[str]) -> None:
    assert asked_for(option) == tags


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(SEEDED, queries=(QueryRule(TestResult, (PteTestRequest.Batch,)),))


def run(runner: RuleRunner, *arguments: str) -> int | None:
    """The exit code of a program's nightly test; None if it was left out."""
    text = program_text("late") + target_text(
        "pte_test", "late_test", program=[":late"], tags=["slow", "nightly"]
    )
    runner.write_files({"models/late/BUILD": text})
    set_options(runner, SEEDED, *arguments)
    field_set = PteTestFieldSet.create(runner.get_target(TEST))
    batch: PteTestRequest.Batch = PteTestRequest.Batch(  # type: ignore[type-arg]
        "", (field_set,), partition_metadata=None
    )
    return runner.request(TestResult, [batch]).exit_code


def test_a_glob_passes_over_it_and_says_so(
    runner: RuleRunner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(2):  # In the next session too, although nothing has changed.
        caplog.clear()
        assert run(runner, NIGHTLY, "test", "::") is None
        assert (
            "models/late:late_test left out: it is tagged nightly; `./pants --tag=nightly test ::` runs such tests"
        ) in caplog.text


@pytest.mark.parametrize(
    "arguments",
    [
        ("test", "::"),
        ("--test-tiers-left-out=weekly", "test", "::"),
        (NIGHTLY, "--tag=nightly", "test", "::"),
        (NIGHTLY, "test", "models/late:late_test"),
    ],
    ids=["no tier", "another tier", "asked for", "named"],
)
def test_it_runs(runner: RuleRunner, arguments: tuple[str, ...]) -> None:
    assert run(runner, *arguments) == 0
