"""Which programs an index includes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pants.base.build_root import BuildRoot
from pants.base.specs import RawSpecs
from pants.base.specs_parser import SpecsParser
from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.target import Target, UnexpandedTargets

from pte_build.addresses import KnownTarget, TargetRequest
from pte_build.errors import PteBuildError
from pte_build.program.declaration import tree_path
from pte_build.program.output_paths import duplicates
from pte_build.targets.model_index import IndexLicensesField, IndexProgramsField
from pte_build.targets.model_weights import ModelWeights, WeightsLicenseField
from pte_build.targets.pte_program import (
    ProgramBuilderField,
    ProgramOutputPathField,
    ProgramWeightsField,
    PteProgram,
)


@dataclass(frozen=True)
class SelectProgramsRequest(EngineAwareParameter):
    """The specs of a `model_index`, relative to the build root; `licenses` is None for programs of any licence."""

    index: Address
    specs: tuple[str, ...]
    licenses: tuple[str, ...] | None = None

    @staticmethod
    def of(index: Target) -> SelectProgramsRequest:
        """The request that the fields of a `model_index` make."""
        return SelectProgramsRequest(
            index.address, index[IndexProgramsField].value or (), index[IndexLicensesField].value
        )

    def debug_hint(self) -> str:
        return self.index.spec


@dataclass(frozen=True)
class SelectedPrograms:
    """Sorted, without duplicates."""

    programs: tuple[Address, ...]


@dataclass(frozen=True)
class ProgramLicenseRequest(EngineAwareParameter):
    program: Target

    def debug_hint(self) -> str:
        return self.program.address.spec


@dataclass(frozen=True)
class ProgramLicense:
    """The licence of a program, which is that of its checkpoint."""

    program: Address
    license_id: str


@rule
async def find_license(request: ProgramLicenseRequest) -> ProgramLicense:
    program = await Get(
        KnownTarget,
        TargetRequest(request.program.address, PteProgram, (ProgramWeightsField,)),
    )
    weights = await Get(
        KnownTarget,
        TargetRequest(
            program.one(ProgramWeightsField),
            ModelWeights,
            field=ProgramWeightsField.alias,
            owner=program.address.spec,
        ),
    )
    return ProgramLicense(program.address, weights[WeightsLicenseField].value or "")


def licensed(
    index: Address, allowed: tuple[str, ...], licenses: Mapping[Address, str]
) -> tuple[Address, ...]:
    """The programs that are under one of the allowed licences.

    Raises PteBuildError for a licence that no program has: a misspelt one would silently leave out a family.
    """
    if unknown := sorted(set(allowed) - set(licenses.values())):
        raise PteBuildError(
            f"{index}: `{IndexLicensesField.alias}` allows {', '.join(unknown)}, but no program of its "
            f"`{IndexProgramsField.alias}` has that licence. Their licences: "
            f"{', '.join(sorted(set(licenses.values())))}."
        )
    return tuple(program for program, license_id in licenses.items() if license_id in allowed)


@rule
async def select_programs(
    request: SelectProgramsRequest, build_root: BuildRoot
) -> SelectedPrograms:
    origin = f"the `{IndexProgramsField.alias}` of {request.index}"
    specs = SpecsParser(root_dir=build_root.path).parse_specs(
        request.specs, description_of_origin=origin
    )
    # --tag and --filter-* select the targets of a command, not the contents of an index.
    includes = dataclasses.replace(specs.includes, filter_by_global_options=False)
    targets = await Get(UnexpandedTargets, RawSpecs, includes)
    excluded = await Get(UnexpandedTargets, RawSpecs, specs.ignores)
    left_out = {target.address for target in excluded}
    paths = {
        target.address: tree_path(target.address, target[ProgramOutputPathField].pte_path())
        for target in targets
        if target.has_field(ProgramBuilderField) and target.address not in left_out
    }
    if not paths:
        raise PteBuildError(
            f"{request.index}: {', '.join(request.specs)} matches no `{PteProgram.alias}`. An empty index is "
            "not built."
        )
    if request.licenses is not None:
        found = await MultiGet(
            Get(ProgramLicense, ProgramLicenseRequest(target))
            for target in targets
            if target.address in paths
        )
        paths = {
            program: paths[program]
            for program in licensed(
                request.index, request.licenses, {each.program: each.license_id for each in found}
            )
        }
    for path, owners in duplicates(paths).items():
        raise PteBuildError(
            f"{request.index}: {' and '.join(owners)} would both be {path} in a tree. Give one of "
            f"them another name or another `{ProgramOutputPathField.alias}`."
        )
    return SelectedPrograms(tuple(sorted(paths)))


def rules() -> Iterable[Rule]:
    return collect_rules()
