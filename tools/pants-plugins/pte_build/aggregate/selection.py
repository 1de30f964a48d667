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
from pte_build.targets.model_index import (
    IndexLicensesField,
    IndexProgramsField,
    IndexToolchainsField,
)
from pte_build.targets.model_weights import ModelWeights, WeightsLicenseField
from pte_build.targets.pte_program import (
    ProgramBackendField,
    ProgramBuilderField,
    ProgramOutputPathField,
    ProgramWeightsField,
    PteProgram,
)


@dataclass(frozen=True)
class SelectProgramsRequest(EngineAwareParameter):
    """The specs of a `model_index`, relative to the build root.

    licenses: None for programs of any licence.
    toolchains: folders; None for programs of any.
    """

    index: Address
    specs: tuple[str, ...]
    licenses: tuple[str, ...] | None = None
    toolchains: tuple[str, ...] | None = None

    @staticmethod
    def of(index: Target) -> SelectProgramsRequest:
        """The request that the fields of a `model_index` make."""
        return SelectProgramsRequest(
            index.address,
            index[IndexProgramsField].value or (),
            index[IndexLicensesField].value,
            index[IndexToolchainsField].value,
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


@dataclass(frozen=True)
class ProgramToolchainRequest(EngineAwareParameter):
    program: Target

    def debug_hint(self) -> str:
        return self.program.address.spec


@dataclass(frozen=True)
class ProgramToolchain:
    """The folder of the BUILD file that declares a program's backend, from the build root."""

    program: Address
    folder: str


@rule
async def find_program_toolchain(request: ProgramToolchainRequest) -> ProgramToolchain:
    program = await Get(
        KnownTarget,
        TargetRequest(request.program.address, PteProgram, (ProgramBackendField,)),
    )
    return ProgramToolchain(program.address, program.one(ProgramBackendField).spec_path)


def built_with(
    index: Address, allowed: tuple[str, ...], folders: Mapping[Address, str]
) -> tuple[Address, ...]:
    """The programs whose backend is declared in one of the allowed folders.

    Raises PteBuildError for a folder that no program uses: misspelt, it would leave a backend out without a word.
    """
    known = {folder.removeprefix("//").rstrip("/"): folder for folder in allowed}
    if unknown := sorted(set(known) - set(folders.values())):
        used = ", ".join(f"//{folder}" for folder in sorted(set(folders.values())))
        raise PteBuildError(
            f"{index}: `{IndexToolchainsField.alias}` names {', '.join(known[folder] for folder in unknown)}, but no "
            f"program of its `{IndexProgramsField.alias}` has a backend there. Their folders: {used}."
        )
    return tuple(program for program, folder in folders.items() if folder in known)


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
    if request.toolchains is not None:
        declared = await MultiGet(
            Get(ProgramToolchain, ProgramToolchainRequest(target))
            for target in targets
            if target.address in paths
        )
        folders = {each.program: each.folder for each in declared}
        paths = {
            program: paths[program]
            for program in built_with(request.index, request.toolchains, folders)
        }
    for path, owners in duplicates(paths).items():
        raise PteBuildError(
            f"{request.index}: {' and '.join(owners)} would both be {path} in a tree. Give one of "
            f"them another name or another `{ProgramOutputPathField.alias}`."
        )
    return SelectedPrograms(tuple(sorted(paths)))


def rules() -> Iterable[Rule]:
    return collect_rules()
