"""Python tests of a tier: `python_tests` that Pants itself skips and that run here on request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from pants.backend.python.goals.pytest_runner import PyTestRequest
from pants.backend.python.subsystems.pytest import PythonTestFieldSet
from pants.backend.python.target_types import SkipPythonTestsField
from pants.core.goals.multi_tool_goal_helper import SkippableSubsystem
from pants.core.goals.test import TestRequest, TestResult, TestSubsystem
from pants.core.util_rules.partitions import PartitionerType, Partitions
from pants.engine.rules import Get, MultiGet, Rule, _uncacheable_rule, collect_rules, rule
from pants.engine.target import Tags, Target
from pants.engine.unions import UnionRule
from pants.option.option_types import SkipOption
from pants.option.subsystem import Subsystem

from pte_build.tiers.tier import TestTier, TierRequest


class TieredTestsSubsystem(Subsystem):
    options_scope = "tiered-python-tests"
    name = "tiered-python-tests"
    help = "Python tests with a tag and `skip_tests=True`; see `[test-tiers] left_out`."

    skip = SkipOption("test")


@dataclass(frozen=True)
class TieredTestFieldSet(PythonTestFieldSet):
    """A test with tags and `skip_tests`: without it Pants' own rules would run the test in any case."""

    tags: Tags

    @classmethod
    def opt_out(cls, tgt: Target) -> bool:
        return not (tgt.get(SkipPythonTestsField).value and tgt.get(Tags).value)


class TieredTestRequest(TestRequest):
    tool_subsystem = cast("type[SkippableSubsystem]", TieredTestsSubsystem)
    field_set_type = TieredTestFieldSet
    partitioner_type = PartitionerType.CUSTOM


@rule
async def partition_tiered_tests(
    request: TieredTestRequest.PartitionRequest[TieredTestFieldSet],
) -> Partitions[TieredTestFieldSet, Any]:
    """As Pants' own rules put tests into processes."""
    return await Get(
        Partitions,
        TestRequest.PartitionRequest,
        PyTestRequest.PartitionRequest(request.field_sets),
    )


# Not memoized: each session may ask for other tests. Test results are cached.
@_uncacheable_rule
async def run_tiered_tests(
    batch: TieredTestRequest.Batch[TieredTestFieldSet, Any], test_subsystem: TestSubsystem
) -> TestResult:
    tiers = await MultiGet(
        Get(TestTier, TierRequest(each.address, each.tags.value or ())) for each in batch.elements
    )
    asked = tuple(each for each, tier in zip(batch.elements, tiers) if tier.left_out is None)
    if not asked:
        return TestResult.no_tests_found_in_batch(batch, test_subsystem.output)
    return await Get(
        TestResult,
        TestRequest.Batch,
        PyTestRequest.Batch("", asked, batch.partition_metadata),
    )


def rules() -> Iterable[Rule | UnionRule]:
    return [*collect_rules(), *TieredTestRequest.rules()]
