"""Which tests a glob skips."""

from __future__ import annotations

from typing import Any

import pytest
from pants.core.goals.test import TestResult
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner
from pants.util.logging import LogLevel

from pte_build.progress.left_out import LeftOutTests
from pte_build.stand_in_repository import program_text, target_text
from pte_build.test_support import SEEDED, make_runner, set_options, store_with_toolchain
from pte_build.tiers.tier import included_tags
from pte_build.validation.goal import PteTestFieldSet, PteTestRequest

NIGHTLY = "--test-tiers-left-out=nightly"
FULL = "--test-tiers-left-out-of-everything=full"
BOTH = (NIGHTLY, FULL)


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
def test_tags_that_an_option_includes(option: tuple[str, ...], tags: set[str]) -> None:
    assert included_tags(option) == tags


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    queries = (QueryRule(TestResult, (PteTestRequest.Batch,)),)
    return make_runner(SEEDED, store=store_with_toolchain(), queries=queries)


def run(runner: RuleRunner, tag: str, *arguments: str) -> tuple[int | None, list[str]]:
    """The exit code of a program's test with this tag, None if it was left out, and the last lines of the session."""
    text = program_text("late") + target_text(
        "pte_test", "late_test", program=[":late"], tags=["slow", tag]
    )
    runner.write_files({"models/late/BUILD": text})
    set_options(runner, SEEDED, *arguments)
    test = Address("models/late", target_name="late_test")
    field_set = PteTestFieldSet.create(runner.get_target(test))
    batch: PteTestRequest.Batch = PteTestRequest.Batch(  # type: ignore[type-arg]
        "", (field_set,), partition_metadata=None
    )
    exit_code = runner.request(TestResult, [batch]).exit_code
    left_out = LeftOutTests()
    completed: Any = runner.scheduler.poll_workunits(LogLevel.DEBUG)["completed"]
    left_out.add(completed)
    return exit_code, left_out.lines()


@pytest.mark.parametrize("tag", ["nightly", "full"])
def test_everything_leaves_it_out_and_says_so(runner: RuleRunner, tag: str) -> None:
    for _ in range(2):  # In the next session too, although nothing has changed.
        exit_code, lines = run(runner, tag, *BOTH, "test", "::")
        assert exit_code is None
        assert lines == [
            f"Left out: 1 test tagged `{tag}` (models/late 1). Add `--tag={tag}` to run them instead."
        ]


@pytest.mark.parametrize("glob", ["models/late::", "models::", "models/late:"])
def test_a_narrower_glob_runs_what_only_everything_leaves_out(
    runner: RuleRunner, glob: str
) -> None:
    assert run(runner, "full", *BOTH, "test", glob) == (0, [])
    assert run(runner, "full", *BOTH, "test", "::", glob) == (0, [])
    assert run(runner, "nightly", *BOTH, "test", glob)[0] is None


def test_another_narrower_glob_does_not_matter(runner: RuleRunner) -> None:
    assert run(runner, "full", *BOTH, "test", "::", "models/alpha::")[0] is None


@pytest.mark.parametrize(
    ("tag", "arguments"),
    [
        ("nightly", ("test", "::")),
        ("nightly", ("--test-tiers-left-out=weekly", "test", "::")),
        ("nightly", (*BOTH, "--tag=nightly", "test", "::")),
        ("nightly", (*BOTH, "test", "models/late:late_test")),
        ("full", (*BOTH, "--tag=full", "test", "::")),
        ("full", (*BOTH, "test", "models/late:late_test")),
    ],
    ids=["no tier", "another tier", "asked for", "named", "full, asked for", "full, named"],
)
def test_it_runs(runner: RuleRunner, tag: str, arguments: tuple[str, ...]) -> None:
    assert run(runner, tag, *arguments) == (0, [])
