"""`./pants test` on a `model_index_test`: are the committed indexes what the repository builds?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from pants.core.goals.multi_tool_goal_helper import SkippableSubsystem
from pants.core.goals.test import TestFieldSet, TestRequest, TestResult, TestSubsystem
from pants.engine.fs import CreateDigest, Digest, DigestEntries, FileEntry
from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import Get, MultiGet, Rule, _uncacheable_rule, collect_rules
from pants.engine.target import HydratedSources, HydrateSourcesRequest, Tags
from pants.engine.unions import UnionRule
from pants.option.option_types import SkipOption
from pants.option.subsystem import Subsystem

from pte_build.addresses import KnownTarget, TargetRequest
from pte_build.aggregate.index import BuiltIndex, BuiltIndexRequest
from pte_build.choices import Choices
from pte_build.errors import PteBuildError
from pte_build.library.run_main import MainResult, MainRun
from pte_build.process_failure import failing_process, message_file
from pte_build.sources import COMPARE_MAIN
from pte_build.targets.model_index import (
    CommittedIndexField,
    IndexOutputPathField,
    IndexTestIndexField,
    ModelIndex,
    ModelIndexTest,
)
from pte_build.tiers.tier import TestTier, TierRequest

_BUILT = "built"


class IndexTestSubsystem(Subsystem):
    options_scope = "committed-index"
    name = "committed-index"
    help = "Tests of committed indexes with `model_index_test` targets."

    skip = SkipOption("test")


@dataclass(frozen=True)
class IndexTestFieldSet(TestFieldSet):
    required_fields = (IndexTestIndexField, CommittedIndexField)

    sources: CommittedIndexField
    index: IndexTestIndexField
    tags: Tags


class IndexTestRequest(TestRequest):
    tool_subsystem = cast("type[SkippableSubsystem]", IndexTestSubsystem)
    field_set_type = IndexTestFieldSet


# Not memoized: each session may ask for other tests. The comparison is cached.
@_uncacheable_rule
async def run_index_test(
    batch: IndexTestRequest.Batch[IndexTestFieldSet, Any], test_subsystem: TestSubsystem
) -> TestResult:
    field_set = batch.single_element
    address = field_set.address
    tier = await Get(TestTier, TierRequest(address, field_set.tags.value or ()))
    if tier.left_out is not None:
        return TestResult.no_tests_found(address, test_subsystem.output)
    target, committed = await MultiGet(
        Get(KnownTarget, TargetRequest(address, ModelIndexTest, (IndexTestIndexField,))),
        Get(HydratedSources, HydrateSourcesRequest(field_set.sources)),
    )
    indexes = target.all(IndexTestIndexField)
    try:
        built = await MultiGet(
            Get(BuiltIndex, BuiltIndexRequest(index, address, Choices.COMMITTED_INDEX))
            for index in indexes
        )
    except PteBuildError as error:
        message = await Get(Digest, CreateDigest([message_file(str(error))]))
        failure = await Get(FallibleProcessResult, Process, failing_process(message))
        return TestResult.from_fallible_process_result(failure, address, test_subsystem.output)
    declared = await MultiGet(
        Get(KnownTarget, TargetRequest(index, ModelIndex)) for index in indexes
    )
    names = [
        (each[IndexOutputPathField].value or IndexOutputPathField.default).rpartition("/")[2]
        for each in declared
    ]
    entries = await Get(DigestEntries, Digest, committed.snapshot.digest)
    result = await Get(
        MainResult,
        MainRun(
            COMPARE_MAIN,
            None,
            (_BUILT, *names),
            owner=address,
            failed="not compared",
            description=f"Compare the committed index of {', '.join(map(str, indexes))}",
            output_files=(),
            files=(
                *(FileEntry(f"{_BUILT}/{name}", each.content) for name, each in zip(names, built)),
                *(
                    FileEntry(entry.path.rpartition("/")[2], entry.file_digest)
                    for entry in entries
                    if isinstance(entry, FileEntry)
                ),
            ),
            may_fail=True,
        ),
    )
    return TestResult.from_fallible_process_result(result.process, address, test_subsystem.output)


def rules() -> Iterable[Rule | UnionRule]:
    return [*collect_rules(), *IndexTestRequest.rules()]
