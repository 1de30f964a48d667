"""No two programs may be written to the same file in `dist/`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.rules import Rule, collect_rules, rule
from pants.engine.target import AllTargets
from pants.util.frozendict import FrozenDict

from pte_build.errors import PteBuildError
from pte_build.program.declaration import report_path
from pte_build.targets.pte_program import ProgramBuilderField, ProgramOutputPathField


@dataclass(frozen=True)
class SharedOutputPaths:
    """The paths below `dist/` that several programs of the repository would write, each with their addresses."""

    owners: FrozenDict[str, tuple[str, ...]]

    def check(self, program: Address) -> None:
        """Raises PteBuildError if another program would write to the same path."""
        for path, owners in self.owners.items():
            if program.spec in owners:
                raise PteBuildError(
                    f"{program}: {' and '.join(owners)} would both write dist/{path}. Give one of "
                    f"them another `{ProgramOutputPathField.alias}`."
                )


def duplicates(paths: Mapping[Address, str]) -> dict[str, tuple[str, ...]]:
    """The paths that several addresses share, each with the addresses."""
    owners: dict[str, list[str]] = {}
    for address, path in sorted(paths.items()):
        owners.setdefault(path, []).append(address.spec)
    return {path: tuple(specs) for path, specs in sorted(owners.items()) if len(specs) > 1}


@rule
def find_shared_output_paths(targets: AllTargets) -> SharedOutputPaths:
    programs = {
        target.address: os.path.normpath(target[ProgramOutputPathField].pte_path())
        for target in targets
        if target.has_field(ProgramBuilderField)
    }
    reports = {address: report_path(path) for address, path in programs.items()}
    return SharedOutputPaths(FrozenDict({**duplicates(programs), **duplicates(reports)}))


def rules() -> Iterable[Rule]:
    return collect_rules()
