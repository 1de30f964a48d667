"""Build a toolchain: one PEX out of one or more whole lockfiles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.backend.python.subsystems.setup import PythonSetup
from pants.backend.python.util_rules.pex import Pex, PexRequest
from pants.backend.python.util_rules.pex_requirements import EntireLockfile, Lockfile
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import Digest, DigestContents, DigestSubset, GlobMatchErrorBehavior, PathGlobs
from pants.engine.rules import Get, Rule, collect_rules, rule

from pte_build.toolchain.composition import check_locks_agree, toolchain_name
from pte_build.toolchain.interpreter import CONSTRAINTS
from pte_build.toolchain.resolves import lockfile_path

PEX_NAME = "toolchain.pex"


@dataclass(frozen=True)
class ToolchainRequest(EngineAwareParameter):
    """The resolves that the toolchain is made of, the backend's first; `needed_by` is for messages."""

    resolves: tuple[str, ...]
    needed_by: str = ""

    def debug_hint(self) -> str:
        return toolchain_name(self.resolves)


@dataclass(frozen=True)
class Toolchain:
    """The digest of a PEX called PEX_NAME."""

    digest: Digest


@rule
async def build_toolchain(request: ToolchainRequest, python_setup: PythonSetup) -> Toolchain:
    paths = tuple(
        lockfile_path(resolve, python_setup, request.needed_by) for resolve in request.resolves
    )
    locks = await Get(
        Digest,
        PathGlobs(
            paths,
            glob_match_error_behavior=GlobMatchErrorBehavior.error,
            description_of_origin="[python].resolves",
        ),
    )
    contents = await Get(DigestContents, Digest, locks)
    check_locks_agree({file.path: file.content.decode() for file in contents})
    others = await Get(Digest, DigestSubset(locks, PathGlobs(paths[1:])))
    pex = await Get(
        Pex,
        PexRequest(
            output_filename=PEX_NAME,
            internal_only=True,
            requirements=EntireLockfile(
                Lockfile(
                    url=paths[0],
                    url_description_of_origin=f"the resolve `{request.resolves[0]}`",
                    resolve_name=request.resolves[0],
                )
            ),
            interpreter_constraints=CONSTRAINTS,
            additional_inputs=others,
            additional_args=(
                "--venv",
                # Hard links instead of symlinks: the venv then works wherever its cache is mounted.
                "--venv-site-packages-copies",
                *(argument for path in paths[1:] for argument in ("--requirement", path)),
            ),
            description=f"Build the {toolchain_name(request.resolves)} toolchain",
        ),
    )
    return Toolchain(pex.digest)


def rules() -> Iterable[Rule]:
    return collect_rules()
