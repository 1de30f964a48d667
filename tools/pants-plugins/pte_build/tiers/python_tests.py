"""Python tests of a tier: `python_tests` that Pants itself skips and that run here on request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from pants.backend.python.goals.pytest_runner import PyTestRequest
from pants.backend.python.subsystems.pytest import PythonTestFieldSet
from pants.backend.python.target_types import SkipPythonTestsField
from pants.core.goals.multi_tool_goal_helper import SkippableSubsystem
from pants.core.goals.test import TestRequest, TestResult, TestSubsystem
from pants.core.util_rules.partitions import (
    Partition,
    PartitionerType,
    Partitions,
    _EmptyMetadata,
)
from pants.engine.rules import Get, MultiGet, Rule, _uncacheable_rule, collect_rules, rule
from pants.engine.target import Tags, Target, WrappedTarget, WrappedTargetRequest
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

    @property
    def process(self) -> tuple[object, ...]:
        """Equal for tests that Pants' own rules put into one process; those without a batch tag are alone."""
        return (
            self.batch_compatibility_tag.value or self.address,
            self.environment.value,
            self.extra_env_vars.sorted(),
            self.interpreter_constraints.value,
            self.resolve.value,
            self.xdist_concurrency.value,
        )


class TieredTestRequest(TestRequest):
    tool_subsystem = cast("type[SkippableSubsystem]", TieredTestsSubsystem)
    field_set_type = TieredTestFieldSet
    partitioner_type = PartitionerType.CUSTOM


@rule
def partition_tiered_tests(
    request: TieredTestRequest.PartitionRequest[TieredTestFieldSet],
) -> Partitions[TieredTestFieldSet, _EmptyMetadata]:
    processes = defaultdict(list)
    for field_set in request.field_sets:
        processes[field_set.process].append(field_set)
    return Partitions(
        Partition(tuple(field_sets), _EmptyMetadata()) for field_sets in processes.values()
    )


# Not memoized: each session may ask for other tests. Test results are cached.
@_uncacheable_rule
async def run_tiered_tests(
    batch: TieredTestRequest.Batch[TieredTestFieldSet, Any], test_subsystem: TestSubsystem
) -> TestResult:
    tiers = await MultiGet(
        Get(TestTier, TierRequest(each.address, each.tags.value or ())) for each in batch.elements
    )
    asked = [tier.address for tier in tiers if tier.left_out is None]
    if not asked:
        return TestResult.no_tests_found_in_batch(batch, test_subsystem.output)
    wrapped = await MultiGet(
        Get(WrappedTarget, WrappedTargetRequest(address, description_of_origin="the command line"))
        for address in asked
    )
    field_sets = tuple(PythonTestFieldSet.create(each.target) for each in wrapped)
    partitions = await Get(
        Partitions, TestRequest.PartitionRequest, PyTestRequest.PartitionRequest(field_sets)
    )
    (partition,) = partitions
    return await Get(
        TestResult,
        TestRequest.Batch,
        PyTestRequest.Batch("", tuple(partition.elements), partition.metadata),
    )


def rules() -> Iterable[Rule | UnionRule]:
    return [*collect_rules(), *TieredTestRequest.rules()]
