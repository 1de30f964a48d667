"""`./pants test` on a `pte_test`."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, cast
from xml.etree import ElementTree

from pants.core.goals.multi_tool_goal_helper import SkippableSubsystem
from pants.core.goals.test import TestFieldSet, TestRequest, TestResult, TestSubsystem
from pants.engine.fs import (
    CreateDigest,
    Digest,
    DigestContents,
    FileContent,
    FileDigest,
    FileEntry,
    Snapshot,
)
from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import Get, MultiGet, Rule, _uncacheable_rule, collect_rules
from pants.engine.target import Tags
from pants.engine.unions import UnionRule
from pants.option.option_types import SkipOption
from pants.option.subsystem import Subsystem

from pte_build.addresses import KnownTarget, TargetRequest
from pte_build.command_line import NamedAddresses
from pte_build.errors import PteBuildError
from pte_build.process_failure import failing_process, message_file
from pte_build.program.availability import Availability, AvailabilityRequest
from pte_build.targets.pte_test_target import PteTest, TestNoSourcesField, TestProgramField
from pte_build.tiers.tier import TestTier, TierRequest
from pte_build.validation.validate import ProgramValidationRequest, Validation

logger = logging.getLogger(__name__)


class PteTestSubsystem(Subsystem):
    options_scope = "pte-validation"
    name = "pte-validation"
    help = "Validation of programs with `pte_test` targets."

    skip = SkipOption("test")


@dataclass(frozen=True)
class PteTestFieldSet(TestFieldSet):
    required_fields = (TestProgramField,)

    sources: TestNoSourcesField
    program: TestProgramField
    tags: Tags


class PteTestRequest(TestRequest):
    tool_subsystem = cast("type[SkippableSubsystem]", PteTestSubsystem)
    field_set_type = PteTestFieldSet


def skip_notes(validation_json: bytes) -> list[str]:
    """For each case that was skipped, its name and the reason."""
    return [
        f"{case['name']}: {case['message']}"
        for case in json.loads(validation_json)["cases"]
        if case["status"] == "skipped"
    ]


# Not memoized, so that every session says what was skipped; the validation itself is cached.
@_uncacheable_rule
async def run_pte_test(
    batch: PteTestRequest.Batch[PteTestFieldSet, Any],
    test_subsystem: TestSubsystem,
    named: NamedAddresses,
) -> TestResult:
    field_set = batch.single_element
    tier = await Get(TestTier, TierRequest(field_set.address, field_set.tags.value or ()))
    if tier.left_out is not None:
        return TestResult.no_tests_found(field_set.address, test_subsystem.output)
    target = await Get(KnownTarget, TargetRequest(field_set.address, PteTest, (TestProgramField,)))
    program = target.one(TestProgramField)
    try:
        availability = await Get(Availability, AvailabilityRequest(program))
        if availability.unavailable is not None:
            if named.include(field_set.address):
                raise PteBuildError(availability.unavailable.refusal)
            note = availability.unavailable.note
            logger.info(f"{field_set.address} skipped: {note}")
            # No test ran, but the JUnit report still says so.
            junit = FileContent(
                f"{field_set.address.path_safe_spec}.xml",
                skipped_xml(field_set.address.spec, note).encode(),
            )
            return replace(
                TestResult.no_tests_found(field_set.address, test_subsystem.output),
                xml_results=await Get(Snapshot, CreateDigest([junit])),
            )
        validation = await Get(Validation, ProgramValidationRequest(program))
    except PteBuildError as error:
        message = await Get(Digest, CreateDigest([message_file(str(error))]))
        failure = await Get(FallibleProcessResult, Process, failing_process(message))
        return TestResult.from_fallible_process_result(
            failure, field_set.address, test_subsystem.output
        )
    files = validation.result.files
    stem = PurePath(validation.program.declaration.pte_path).stem
    xml, measured = await MultiGet(
        Get(
            Digest,
            CreateDigest(_renamed(files, "junit.xml", f"{field_set.address.path_safe_spec}.xml")),
        ),
        Get(Digest, CreateDigest(_renamed(files, "validation.json", f"{stem}.validation.json"))),
    )
    for content in await Get(DigestContents, Digest, measured):
        for note in skip_notes(content.content):
            logger.info(f"{field_set.address} skipped: {note}")
    xml_results, extra_output = await MultiGet(
        Get(Snapshot, Digest, xml), Get(Snapshot, Digest, measured)
    )
    return TestResult.from_fallible_process_result(
        validation.result.process,
        field_set.address,
        test_subsystem.output,
        xml_results=xml_results if xml_results.files else None,
        extra_output=extra_output if extra_output.files else None,
    )


def skipped_xml(address: str, reason: str) -> str:
    """A JUnit report of one skipped case."""
    root = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        {"name": address, "tests": "1", "failures": "0", "errors": "0", "skipped": "1"},
    )
    case = ElementTree.SubElement(suite, "testcase", {"classname": address, "name": "available"})
    ElementTree.SubElement(case, "skipped", {"message": reason})
    return ElementTree.tostring(root, "unicode") + "\n"


def _renamed(files: Mapping[str, FileDigest], old: str, new: str) -> list[FileEntry]:
    return [FileEntry(new, files[old])] if old in files else []


def rules() -> Iterable[Rule | UnionRule]:
    return [*collect_rules(), *PteTestRequest.rules()]
