"""Which programs an index takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from pants.base.build_root import BuildRoot
from pants.base.specs import RawSpecs
from pants.base.specs_parser import SpecsParser
from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.engine.target import UnexpandedTargets

from pte_build.errors import PteBuildError
from pte_build.program.declaration import tree_path
from pte_build.program.output_paths import duplicates
from pte_build.targets.model_index import IndexProgramsField
from pte_build.targets.pte_program import ProgramBuilderField, ProgramOutputPathField, PteProgram


@dataclass(frozen=True)
class SelectProgramsRequest(EngineAwareParameter):
    """The specs of a `model_index`, relative to the build root."""

    index: Address
    specs: tuple[str, ...]

    def debug_hint(self) -> str:
        return self.index.spec


@dataclass(frozen=True)
class SelectedPrograms:
    """Sorted, without repetition."""

    programs: tuple[Address, ...]


@rule
async def select_programs(
    request: SelectProgramsRequest, build_root: BuildRoot
) -> SelectedPrograms:
    origin = f"the `{IndexProgramsField.alias}` of {request.index}"
    specs = SpecsParser(root_dir=build_root.path).parse_specs(
        request.specs, description_of_origin=origin
    )
    # --tag and --filter-* choose what a command is about, and not what an index contains.
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
            f"{request.index}: {', '.join(request.specs)} matches no `{PteProgram.alias}`. An index of nothing is "
            "not built."
        )
    for path, owners in duplicates(paths).items():
        raise PteBuildError(
            f"{request.index}: {' and '.join(owners)} would both be {path} in a tree. Give one of "
            f"them another name or another `{ProgramOutputPathField.alias}`."
        )
    return SelectedPrograms(tuple(sorted(paths)))


def rules() -> Iterable[Rule]:
    return collect_rules()
