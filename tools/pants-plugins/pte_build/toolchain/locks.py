"""Which lockfiles a toolchain is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.backend.python.subsystems.setup import PythonSetup
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import DigestContents, GlobMatchErrorBehavior, PathGlobs
from pants.engine.rules import Get, Rule, collect_rules, rule

from pte_build.toolchain.composition import check_locks_agree, toolchain_name
from pte_build.toolchain.resolves import lockfile_path


@dataclass(frozen=True)
class ToolchainRequest(EngineAwareParameter):
    """The resolves that the toolchain is made of, the backend's first; `needed_by` is for messages."""

    resolves: tuple[str, ...]
    needed_by: str = ""

    def debug_hint(self) -> str:
        return toolchain_name(self.resolves)


@dataclass(frozen=True)
class ToolchainLocks:
    """The lockfiles of the resolves, in their order: where they are, and what they say."""

    paths: tuple[str, ...]
    texts: tuple[str, ...]


@rule
async def read_toolchain_locks(
    request: ToolchainRequest, python_setup: PythonSetup
) -> ToolchainLocks:
    paths = tuple(
        lockfile_path(resolve, python_setup, request.needed_by) for resolve in request.resolves
    )
    contents = await Get(
        DigestContents,
        PathGlobs(
            paths,
            glob_match_error_behavior=GlobMatchErrorBehavior.error,
            description_of_origin="[python].resolves",
        ),
    )
    texts = {file.path: file.content.decode() for file in contents}
    check_locks_agree(texts)
    return ToolchainLocks(paths, tuple(texts[path] for path in paths))


def rules() -> Iterable[Rule]:
    return collect_rules()
