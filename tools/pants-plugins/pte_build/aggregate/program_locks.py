"""The lockfiles that a program is made from: its toolchain's, and those of its calibration pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.backend.python.subsystems.setup import PythonSetup
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule

from pte_build.addresses import KnownTarget, TargetRequest
from pte_build.program.declaration import ProgramDeclaration
from pte_build.targets.pictures import (
    CalibrationPhotographsField,
    CalibrationSet,
    PhotographSet,
    PhotographsResolveField,
)
from pte_build.toolchain.resolves import lockfile_path


@dataclass(frozen=True)
class ProgramLocksRequest:
    declaration: ProgramDeclaration


@dataclass(frozen=True)
class ProgramLocks:
    """Paths in the repository: the toolchain's first, in the order of its composition."""

    paths: tuple[str, ...]


@rule
async def find_program_locks(
    request: ProgramLocksRequest, python_setup: PythonSetup
) -> ProgramLocks:
    declaration = request.declaration
    owner = declaration.address.spec
    resolves = list(declaration.resolves)
    if declaration.quantization is not None and declaration.quantization.calibration is not None:
        pictures = await Get(
            KnownTarget,
            TargetRequest(
                declaration.quantization.calibration,
                CalibrationSet,
                (CalibrationPhotographsField,),
                owner=owner,
            ),
        )
        photographs = await MultiGet(
            Get(KnownTarget, TargetRequest(each, PhotographSet, owner=owner))
            for each in pictures.all(CalibrationPhotographsField)
        )
        resolves += [each[PhotographsResolveField].value or "" for each in photographs]
    found = dict.fromkeys(lockfile_path(resolve, python_setup, owner) for resolve in resolves)
    return ProgramLocks(tuple(found))


def rules() -> Iterable[Rule]:
    return collect_rules()
