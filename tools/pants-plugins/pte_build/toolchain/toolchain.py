"""Build a toolchain: one PEX from one or more whole lockfiles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.backend.python.util_rules.pex import Pex, PexRequest
from pants.backend.python.util_rules.pex_requirements import EntireLockfile, Lockfile
from pants.engine.fs import Digest, PathGlobs
from pants.engine.rules import Get, Rule, collect_rules, rule

from pte_build.toolchain.composition import toolchain_name
from pte_build.toolchain.interpreter import CONSTRAINTS
from pte_build.toolchain.locks import ToolchainLocks, ToolchainRequest

PEX_NAME = "toolchain.pex"
PEX_ARGUMENTS = (
    "--venv",
    # Hard links instead of symlinks: the venv then works wherever its cache is mounted.
    "--venv-site-packages-copies",
)


@dataclass(frozen=True)
class Toolchain:
    """The digest of a PEX called PEX_NAME."""

    digest: Digest


@rule
async def build_toolchain(request: ToolchainRequest) -> Toolchain:
    locks = await Get(ToolchainLocks, ToolchainRequest, request)
    first, *others = locks.paths
    pex = await Get(
        Pex,
        PexRequest(
            output_filename=PEX_NAME,
            internal_only=True,
            requirements=EntireLockfile(
                Lockfile(
                    url=first,
                    url_description_of_origin=f"the resolve `{request.resolves[0]}`",
                    resolve_name=request.resolves[0],
                )
            ),
            interpreter_constraints=CONSTRAINTS,
            additional_inputs=await Get(Digest, PathGlobs(others)),
            additional_args=(
                *PEX_ARGUMENTS,
                *(argument for path in others for argument in ("--requirement", path)),
            ),
            description=f"Build the {toolchain_name(request.resolves)} toolchain",
        ),
    )
    return Toolchain(pex.digest)


def rules() -> Iterable[Rule]:
    return collect_rules()
