"""`index.json`: all programs of a `model_index`, built and validated, or listed as unavailable."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pants.core.goals.package import BuiltPackage, BuiltPackageArtifact, PackageFieldSet
from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import CreateDigest, Digest, DigestContents, FileDigest, FileEntry
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.unions import UnionRule

from pte_build.addresses import KnownTarget, TargetRequest
from pte_build.aggregate.conditions import Conditions, ConditionsRequest
from pte_build.aggregate.selection import SelectedPrograms, SelectProgramsRequest
from pte_build.aggregate.subsystem import DEFAULT_BASE_URL, DEFAULT_GENERATED, IndexSubsystem
from pte_build.choices import Choices
from pte_build.errors import PteBuildError
from pte_build.library.run_main import MainResult, MainRun, request_file
from pte_build.program.labels import ProgramLabels
from pte_build.program.report import BuiltProgram
from pte_build.sources import INDEX_MAIN
from pte_build.targets.model_index import IndexOutputPathField, IndexProgramsField, ModelIndex
from pte_build.validation.outcome import TestOutcome
from pte_build.validation.validate import ProgramValidationRequest, Validation
from pte_foundry.records.index_request import Labels, RequestedArtifact, RequestedIndex


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

    `measured` has the validation.json of each program, in the same order.
    """

    content: FileDigest
    version: str
    programs: tuple[BuiltProgram, ...]
    conditions: Conditions
    measured: tuple[FileDigest, ...] = ()


def family_labels(programs: tuple[BuiltProgram, ...]) -> dict[str, ProgramLabels]:
    """The label file of each family that has one.

    Raises PteBuildError if the programs of one family have different ones: a folder of a tree has one label file.
    """
    found: dict[str, tuple[Address, ProgramLabels]] = {}
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
    """The message if a program was not built or did not pass validation; None if all passed.

    refusals: why programs could not be built, by address.
    """
    failed = [validation for validation in validations if not validation.passed]
    if not failed and not refusals:
        return None
    lines = []
    for program, refusal in refusals.items():
        # The first line is the cause. A log may follow; building that program alone shows it.
        cause = refusal.strip().partition("\n")[0]
        lines.append(f"\n  - {cause}" if program.spec in cause else f"\n  - {program}: {cause}")
    for validation in failed:
        # The verdict comes first, then what failed.
        process = validation.result.process
        output = process.stdout.decode() or process.stderr.decode()
        detail = "".join(f"\n      {line}" for line in output.strip().splitlines()[:8])
        lines.append(
            f"\n  - {validation.program.declaration.address} ({validation.test} failed){detail}"
        )
    return f"{index}: not written, because these programs did not pass validation:{''.join(lines)}"


def index_request(
    programs: tuple[BuiltProgram, ...],
    verdicts: Mapping[Address, Mapping[str, Any]],
    labels: Mapping[str, ProgramLabels],
    conditions: Conditions,
    base_url: str,
    generated: str,
) -> RequestedIndex:
    """The request for the library's index writer. `verdicts` has each program's validation.json."""
    return RequestedIndex(
        base_url,
        generated,
        tuple(
            RequestedArtifact(
                f"reports/{number}.json",
                built.declaration.tree_path,
                verdicts[built.declaration.address]["verdict"],
                verdicts[built.declaration.address]["evidence"],
            )
            for number, built in enumerate(programs)
        ),
        tuple(
            Labels(
                family,
                found.name,
                found.content.fingerprint,
                found.content.serialized_bytes_length,
            )
            for family, found in labels.items()
        ),
        tuple(condition.entry() for condition in conditions.unavailable),
    )


@rule
async def build_index(request: BuiltIndexRequest, subsystem: IndexSubsystem) -> BuiltIndex:
    index = await Get(
        KnownTarget,
        TargetRequest(request.index, ModelIndex, field="index", owner=request.owner.spec),
    )
    selected = await Get(SelectedPrograms, SelectProgramsRequest.of(index.target))
    conditions = await Get(Conditions, ConditionsRequest(selected.programs, request.choices))
    requests = [
        ProgramValidationRequest(program, request.choices) for program in conditions.available
    ]
    try:
        validations = await MultiGet(
            Get(Validation, ProgramValidationRequest, request) for request in requests
        )
    except PteBuildError as first:
        # The first failure cancelled the others. Now all run to their end, to report every failure at once.
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
            # It includes the log.
            raise first
        raise PteBuildError(describe_failures(request.index, done, refusals)) from first
    if failures := describe_failures(request.index, validations, {}):
        raise PteBuildError(failures)
    programs = tuple(validation.program for validation in validations)
    measured = tuple(validation.result.files["validation.json"] for validation in validations)
    measured_digest = await Get(
        Digest,
        CreateDigest(FileEntry(f"{number}.json", file) for number, file in enumerate(measured)),
    )
    written = {file.path: file for file in await Get(DigestContents, Digest, measured_digest)}
    verdicts = {
        built.declaration.address: json.loads(written[f"{number}.json"].content)
        for number, built in enumerate(programs)
    }
    body = index_request(
        programs,
        verdicts,
        family_labels(programs),
        conditions,
        *(
            (subsystem.base_url, subsystem.generated)
            if request.choices is Choices.SESSION
            else (DEFAULT_BASE_URL, DEFAULT_GENERATED)
        ),
    )
    result = await Get(
        MainResult,
        MainRun(
            INDEX_MAIN,
            request_file("index_request.json", body),
            ("--index", "index.json"),
            owner=request.index,
            failed="not written",
            description=f"Write the index {request.index}",
            output_files=("index.json",),
            files=tuple(
                FileEntry(artifact.report, built.report)
                for artifact, built in zip(body.artifacts, programs)
            ),
        ),
    )
    contents = await Get(DigestContents, Digest, result.process.output_digest)
    version = json.loads(contents[0].content)["version"]
    return BuiltIndex(result.files["index.json"], version, programs, conditions, measured)


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
