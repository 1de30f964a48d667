"""`index.json`: all programs of a `model_index`, built and validated, or listed as unavailable."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pants.core.goals.package import BuiltPackage, BuiltPackageArtifact, PackageFieldSet
from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import (
    CreateDigest,
    Digest,
    DigestContents,
    DigestEntries,
    FileContent,
    FileDigest,
    FileEntry,
    MergeDigests,
)
from pants.engine.process import FallibleProcessResult
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.target import WrappedTarget, WrappedTargetRequest
from pants.engine.unions import UnionRule

from pte_build.aggregate.conditions import Conditions, ConditionsRequest
from pte_build.aggregate.selection import SelectedPrograms, SelectProgramsRequest
from pte_build.aggregate.subsystem import DEFAULT_BASE_URL, DEFAULT_GENERATED, IndexSubsystem
from pte_build.choices import Choices
from pte_build.errors import PteBuildError
from pte_build.library.library_run import LibraryRun
from pte_build.library.sources import INDEX_MAIN, LibrarySources, LibrarySourcesRequest
from pte_build.process_failure import describe_failure
from pte_build.program.report import BuiltProgram, DeclaredLabels
from pte_build.targets.model_index import IndexOutputPathField, IndexProgramsField, ModelIndex
from pte_build.toolchain.interpreter import ToolchainInterpreter
from pte_build.toolchain.process import library_process
from pte_build.validation.outcome import TestOutcome
from pte_build.validation.validate import ProgramValidationRequest, Validation


@dataclass(frozen=True)
class BuiltIndexRequest(EngineAwareParameter):
    index: Address
    owner: Address
    choices: Choices = Choices.SESSION

    def debug_hint(self) -> str:
        return self.index.spec


@dataclass(frozen=True)
class BuiltIndex:
    """`content` is the digest of `index.json`; `version` is the ExecuTorch version of all of its programs.

    `measured` has the validation.json of each program, in their order.
    """

    content: FileDigest
    version: str
    programs: tuple[BuiltProgram, ...]
    conditions: Conditions
    measured: tuple[FileDigest, ...] = ()


def family_labels(programs: tuple[BuiltProgram, ...]) -> dict[str, DeclaredLabels]:
    """The label file of each family that has one.

    Raises PteBuildError if the programs of one family have different ones: a tree has one `labels.txt` a folder.
    """
    found: dict[str, tuple[Address, DeclaredLabels]] = {}
    for built in programs:
        if built.labels is None:
            continue
        family, address = built.declaration.family, built.declaration.address
        other, labels = found.setdefault(family, (address, built.labels))
        if labels.content != built.labels.content or labels.name != built.labels.name:
            raise PteBuildError(
                f"{other} and {address} are both of the family {family} but have different label files: "
                f"{labels.path} and {built.labels.path}."
            )
    return {family: labels for family, (_, labels) in sorted(found.items())}


def describe_failures(
    index: Address, validations: Iterable[Validation], refusals: Mapping[Address, str]
) -> str | None:
    """What to tell if not every validation passed; None if all did.

    refusals: why programs could not be built.
    """
    failed = [validation for validation in validations if not validation.passed]
    if not failed and not refusals:
        return None
    lines = []
    for program, refusal in refusals.items():
        # Its first line is the cause; a log may follow, which building that program alone shows.
        cause = refusal.strip().partition("\n")[0]
        lines.append(f"\n  - {cause}" if program.spec in cause else f"\n  - {program}: {cause}")
    for validation in failed:
        # The verdict comes first, then what failed.
        output = validation.result.stdout.decode() or validation.result.stderr.decode()
        told = "".join(f"\n      {line}" for line in output.strip().splitlines()[:8])
        lines.append(
            f"\n  - {validation.program.declaration.address} ({validation.test} failed){told}"
        )
    return (
        f"{index}: not written, since these programs did not pass their validation:{''.join(lines)}"
    )


def index_request(
    programs: tuple[BuiltProgram, ...],
    validations: Mapping[Address, Mapping[str, Any]],
    labels: Mapping[str, DeclaredLabels],
    conditions: Conditions,
    base_url: str,
    generated: str,
) -> dict[str, Any]:
    """The request of the library's index writer. `validations` has each program's validation.json."""
    return {
        "base_url": base_url,
        "generated": generated,
        "artifacts": [
            {
                "report": f"reports/{number}.json",
                "path": built.declaration.tree_path,
                "validation": {
                    key: validations[built.declaration.address][key]
                    for key in ("verdict", "evidence")
                },
            }
            for number, built in enumerate(programs)
        ],
        "labels": [
            {
                "category": family,
                "name": found.name,
                "sha256": found.content.fingerprint,
                "size": found.content.serialized_bytes_length,
            }
            for family, found in labels.items()
        ],
        "unavailable": [condition.as_json() for condition in conditions.unavailable],
    }


@rule
async def build_index(request: BuiltIndexRequest, subsystem: IndexSubsystem) -> BuiltIndex:
    wrapped = await Get(
        WrappedTarget,
        WrappedTargetRequest(
            request.index, description_of_origin=f"the `index` of {request.owner}"
        ),
    )
    if not wrapped.target.has_field(IndexProgramsField):
        raise PteBuildError(
            f"{request.owner}: `index` names {request.index}, which is a `{wrapped.target.alias}` and not a "
            f"`{ModelIndex.alias}`."
        )
    selected = await Get(
        SelectedPrograms,
        SelectProgramsRequest.of(wrapped.target),
    )
    conditions = await Get(Conditions, ConditionsRequest(selected.programs, request.choices))
    requests = [
        ProgramValidationRequest(program, request.choices) for program in conditions.available
    ]
    try:
        validations = await MultiGet(
            Get(Validation, ProgramValidationRequest, request) for request in requests
        )
    except PteBuildError as first:
        # The first one ended the others, which now run to their end: all that fails is told at once.
        outcomes = await MultiGet(
            Get(TestOutcome, ProgramValidationRequest, request) for request in requests
        )
        refusals = {
            program: outcome.refusal
            for program, outcome in zip(conditions.available, outcomes)
            if outcome.validation is None
        }
        done = [outcome.validation for outcome in outcomes if outcome.validation is not None]
        if len(refusals) == 1 and all(validation.passed for validation in done):
            # With its log.
            raise first
        raise PteBuildError(describe_failures(request.index, done, refusals)) from first
    if failures := describe_failures(request.index, validations, {}):
        raise PteBuildError(failures)
    programs = tuple(validation.program for validation in validations)
    outputs = await MultiGet(
        Get(DigestContents, Digest, validation.result.output_digest) for validation in validations
    )
    output_entries = await MultiGet(
        Get(DigestEntries, Digest, validation.result.output_digest) for validation in validations
    )
    results = {
        built.declaration.address: json.loads(
            next(file.content for file in output if file.path == "validation.json")
        )
        for built, output in zip(programs, outputs)
    }
    body = index_request(
        programs,
        results,
        family_labels(programs),
        conditions,
        *(
            (subsystem.base_url, subsystem.generated)
            if request.choices is Choices.SESSION
            else (DEFAULT_BASE_URL, DEFAULT_GENERATED)
        ),
    )
    sources, files, _ = await MultiGet(
        Get(LibrarySources, LibrarySourcesRequest(INDEX_MAIN)),
        Get(
            Digest,
            CreateDigest(
                [
                    FileContent("index_request.json", (json.dumps(body, indent=2) + "\n").encode()),
                    *(
                        FileEntry(artifact["report"], built.report)
                        for artifact, built in zip(body["artifacts"], programs)
                    ),
                ]
            ),
        ),
        Get(ToolchainInterpreter),
    )
    inputs = await Get(Digest, MergeDigests([sources.digest, files]))
    result = await Get(
        FallibleProcessResult,
        LibraryRun(
            library_process(
                ("-m", "pte_foundry.index.main", "index_request.json", "--index", "index.json"),
                input_digest=inputs,
                output_files=("index.json",),
                description=f"Write the index {request.index}",
            )
        ),
    )
    if result.exit_code != 0:
        raise PteBuildError(describe_failure(f"{request.index}: not written", result))
    entries, contents = await MultiGet(
        Get(DigestEntries, Digest, result.output_digest),
        Get(DigestContents, Digest, result.output_digest),
    )
    content = next(entry.file_digest for entry in entries if isinstance(entry, FileEntry))
    measured = tuple(
        next(
            entry.file_digest
            for entry in found
            if isinstance(entry, FileEntry) and entry.path == "validation.json"
        )
        for found in output_entries
    )
    version = json.loads(contents[0].content)["version"]
    return BuiltIndex(content, version, programs, conditions, measured)


@dataclass(frozen=True)
class ModelIndexFieldSet(PackageFieldSet):
    required_fields = (IndexProgramsField,)

    output_path: IndexOutputPathField


@rule
async def package_index(field_set: ModelIndexFieldSet) -> BuiltPackage:
    built = await Get(BuiltIndex, BuiltIndexRequest(field_set.address, field_set.address))
    path = field_set.output_path.value or IndexOutputPathField.default
    digest = await Get(Digest, CreateDigest([FileEntry(path, built.content)]))
    lines = (
        f"  {len(built.programs)} programs, sha256 {built.content.fingerprint}",
        *built.conditions.summary(),
    )
    return BuiltPackage(digest, (BuiltPackageArtifact(path, lines),))


def rules() -> Iterable[Rule | UnionRule]:
    return [*collect_rules(), UnionRule(PackageFieldSet, ModelIndexFieldSet)]
