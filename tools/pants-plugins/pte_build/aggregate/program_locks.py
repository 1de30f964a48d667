"""The lockfiles that a program is made from: its toolchain's, and those of its calibration pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.backend.python.subsystems.setup import PythonSetup
from pants.engine.addresses import Addresses, UnparsedAddressInputs
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.target import WrappedTarget, WrappedTargetRequest

from pte_build.program.declaration import ProgramDeclaration
from pte_build.targets.calibration_set import CalibrationPhotographsField
from pte_build.targets.photograph_set import PhotographsResolveField
from pte_build.toolchain.resolves import lockfile_path


@dataclass(frozen=True)
class ProgramLocksRequest:
    declaration: ProgramDeclaration


@dataclass(frozen=True)
class ProgramLocks:
    """Paths in the repository; the toolchain's first, as it is composed."""

    paths: tuple[str, ...]


@rule
async def find_program_locks(
    request: ProgramLocksRequest, python_setup: PythonSetup
) -> ProgramLocks:
    declaration = request.declaration
    owner = declaration.address.spec
    resolves = list(declaration.resolves)
    if declaration.quantization is not None and declaration.quantization.calibration is not None:
        calibration = await Get(
            WrappedTarget,
            WrappedTargetRequest(declaration.quantization.calibration, description_of_origin=owner),
        )
        sets = await Get(
            Addresses,
            UnparsedAddressInputs,
            calibration.target[CalibrationPhotographsField].to_unparsed_address_inputs(),
        )
        photographs = await MultiGet(
            Get(WrappedTarget, WrappedTargetRequest(each, description_of_origin=owner))
            for each in sets
        )
        resolves += [each.target[PhotographsResolveField].value or "" for each in photographs]
    found = dict.fromkeys(lockfile_path(resolve, python_setup, owner) for resolve in resolves)
    return ProgramLocks(tuple(found))


def rules() -> Iterable[Rule]:
    return collect_rules()
