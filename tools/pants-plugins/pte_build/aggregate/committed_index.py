"""`./pants test` on a `model_index_test`: is the committed index what the repository builds?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from pants.core.goals.multi_tool_goal_helper import SkippableSubsystem
from pants.core.goals.test import TestFieldSet, TestRequest, TestResult, TestSubsystem
from pants.engine.addresses import Addresses, UnparsedAddressInputs
from pants.engine.fs import CreateDigest, Digest, DigestEntries, FileEntry, MergeDigests
from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import Get, MultiGet, Rule, _uncacheable_rule, collect_rules
from pants.engine.target import HydratedSources, HydrateSourcesRequest, Tags
from pants.engine.unions import UnionRule
from pants.option.option_types import SkipOption
from pants.option.subsystem import Subsystem

from pte_build.addresses import exactly_one
from pte_build.aggregate.index import BuiltIndex, BuiltIndexRequest
from pte_build.choices import Choices
from pte_build.errors import PteBuildError
from pte_build.library.sources import COMPARE_MAIN, LibrarySources, LibrarySourcesRequest
from pte_build.targets.committed_index import CommittedIndexField, IndexTestIndexField
from pte_build.tiers.tier import TestTier, TierRequest
from pte_build.toolchain.interpreter import ToolchainInterpreter
from pte_build.toolchain.process import library_process
from pte_build.validation.failing import FailedTest

_COMMITTED, _BUILT = "index.json", "built/index.json"


class IndexTestSubsystem(Subsystem):
    options_scope = "committed-index"
    name = "committed-index"
    help = "The tests of committed indexes by `model_index_test` targets."

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


# Not memoized: what is asked for differs from session to session. The comparison is cached.
@_uncacheable_rule
async def run_index_test(
    batch: IndexTestRequest.Batch[IndexTestFieldSet, Any], test_subsystem: TestSubsystem
) -> TestResult:
    field_set = batch.single_element
    address = field_set.address
    tier = await Get(TestTier, TierRequest(address, field_set.tags.value or ()))
    if tier.left_out is not None:
        return TestResult.no_tests_found(address, test_subsystem.output)
    indexes, committed, sources, _ = await MultiGet(
        Get(Addresses, UnparsedAddressInputs, field_set.index.to_unparsed_address_inputs()),
        Get(HydratedSources, HydrateSourcesRequest(field_set.sources)),
        Get(LibrarySources, LibrarySourcesRequest(COMPARE_MAIN)),
        Get(ToolchainInterpreter),
    )
    index = exactly_one(indexes, IndexTestIndexField.alias, address)
    try:
        built = await Get(BuiltIndex, BuiltIndexRequest(index, address, Choices.COMMITTED_INDEX))
    except PteBuildError as error:
        failure = await Get(FallibleProcessResult, FailedTest(str(error)))
        return TestResult.from_fallible_process_result(failure, address, test_subsystem.output)
    entries = await Get(DigestEntries, Digest, committed.snapshot.digest)
    files = await Get(
        Digest,
        CreateDigest(
            [
                FileEntry(_BUILT, built.content),
                *(
                    FileEntry(_COMMITTED, entry.file_digest)
                    for entry in entries
                    if isinstance(entry, FileEntry)
                ),
            ]
        ),
    )
    inputs = await Get(Digest, MergeDigests([sources.digest, files]))
    result = await Get(
        FallibleProcessResult,
        Process,
        library_process(
            ("-m", "pte_foundry.index.compare_main", _COMMITTED, _BUILT),
            input_digest=inputs,
            output_files=(),
            description=f"Compare the committed index of {index}",
        ),
    )
    return TestResult.from_fallible_process_result(result, address, test_subsystem.output)


def rules() -> Iterable[Rule | UnionRule]:
    return [*collect_rules(), *IndexTestRequest.rules()]
