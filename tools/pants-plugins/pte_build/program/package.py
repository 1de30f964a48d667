"""`./pants package` on a `pte_program`: the `.pte` and its report, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.core.goals.package import BuiltPackage, BuiltPackageArtifact, PackageFieldSet
from pants.engine.fs import EMPTY_DIGEST, CreateDigest, Digest, FileEntry
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.engine.unions import UnionRule

from pte_build.command_line import NamedAddresses
from pte_build.errors import PteBuildError
from pte_build.program.availability import Availability, AvailabilityRequest
from pte_build.program.output_paths import SharedOutputPaths
from pte_build.program.report import BuiltProgram, ProgramRequest
from pte_build.targets.pte_program import (
    ProgramBackendField,
    ProgramBuilderField,
    ProgramOutputPathField,
)


@dataclass(frozen=True)
class PteProgramFieldSet(PackageFieldSet):
    required_fields = (ProgramBuilderField, ProgramBackendField)

    output_path: ProgramOutputPathField


@rule
async def package_program(field_set: PteProgramFieldSet, named: NamedAddresses) -> BuiltPackage:
    availability = await Get(Availability, AvailabilityRequest(field_set.address))
    if availability.unavailable is not None:
        if named.include(field_set.address):
            raise PteBuildError(availability.unavailable.refusal)
        # No file, only a line that the goal logs.
        note = BuiltPackageArtifact(None, (availability.unavailable.note,))
        return BuiltPackage(EMPTY_DIGEST, (note,))
    # Pants itself would refuse only after all exports, and without an address.
    shared = await Get(SharedOutputPaths)
    shared.check(field_set.address)
    built = await Get(BuiltProgram, ProgramRequest(field_set.address))
    pte, declaration = built.exported.pte, built.declaration
    digest = await Get(
        Digest,
        CreateDigest(
            [
                FileEntry(declaration.pte_path, pte),
                FileEntry(declaration.report_path, built.report),
            ]
        ),
    )
    lines = (
        f"  {pte.serialized_bytes_length} bytes, sha256 {pte.fingerprint}",
        f"  weights: {built.exported.weights.source}",
    )
    return BuiltPackage(
        digest,
        (
            BuiltPackageArtifact(declaration.pte_path, lines),
            BuiltPackageArtifact(declaration.report_path),
        ),
    )


def rules() -> Iterable[Rule | UnionRule]:
    return [*collect_rules(), UnionRule(PackageFieldSet, PteProgramFieldSet)]
