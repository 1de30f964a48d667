"""Python tests of a tier: `python_tests` that Pants itself skips and that run here on request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from pants.backend.python.goals.pytest_runner import PyTestRequest
from pants.backend.python.subsystems.pytest import PythonTestFieldSet
from pants.backend.python.target_types import PythonTestSourceField, SkipPythonTestsField
from pants.core.goals.multi_tool_goal_helper import SkippableSubsystem
from pants.core.goals.test import TestFieldSet, TestRequest, TestResult, TestSubsystem
from pants.core.util_rules.partitions import Partitions
from pants.engine.rules import Get, Rule, _uncacheable_rule, collect_rules
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
class TieredTestFieldSet(TestFieldSet):
    """A test with tags and `skip_tests`: without it Pants' own rules would run the test in any case."""

    required_fields = (PythonTestSourceField, SkipPythonTestsField)

    source: PythonTestSourceField
    tags: Tags

    @classmethod
    def opt_out(cls, tgt: Target) -> bool:
        return not (tgt[SkipPythonTestsField].value and tgt[Tags].value)


class TieredTestRequest(TestRequest):
    tool_subsystem = cast("type[SkippableSubsystem]", TieredTestsSubsystem)
    field_set_type = TieredTestFieldSet


# Not memoized: each session may ask for other tests. Test results are cached.
@_uncacheable_rule
async def run_tiered_test(
    batch: TieredTestRequest.Batch[TieredTestFieldSet, Any], test_subsystem: TestSubsystem
) -> TestResult:
    asked = batch.single_element
    address = asked.address
    tier = await Get(TestTier, TierRequest(address, asked.tags.value or ()))
    if tier.left_out is not None:
        return TestResult.no_tests_found(address, test_subsystem.output)
    wrapped = await Get(
        WrappedTarget, WrappedTargetRequest(address, description_of_origin="the command line")
    )
    field_set = PythonTestFieldSet.create(wrapped.target)
    partitions = await Get(
        Partitions, TestRequest.PartitionRequest, PyTestRequest.PartitionRequest((field_set,))
    )
    (partition,) = partitions
    return await Get(
        TestResult,
        TestRequest.Batch,
        PyTestRequest.Batch("", tuple(partition.elements), partition.metadata),
    )


def rules() -> Iterable[Rule | UnionRule]:
    return [*collect_rules(), *TieredTestRequest.rules()]
