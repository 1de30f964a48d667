"""A toolchain that processes can run in: its environment exists, with the bytecode of what they import.

Exports and validations give up write access to it. So nothing can be added afterwards, and code in a checkpoint that
manages to run can leave nothing there for the next process.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.fs import CreateDigest, Digest, FileContent, MergeDigests, PathGlobs
from pants.engine.process import FallibleProcessResult, Process, ProcessCacheScope
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule

from pte_build.errors import PteBuildError
from pte_build.process_failure import describe_failure
from pte_build.toolchain import compile_packages
from pte_build.toolchain.composition import toolchain_name
from pte_build.toolchain.interpreter import ToolchainInterpreter
from pte_build.toolchain.locks import ToolchainRequest
from pte_build.toolchain.process import PEX_ROOT, SOURCE_ROOT, toolchain_process
from pte_build.toolchain.toolchain import Toolchain

_SCRIPT = "compile_packages.py"
# Imported, because its child processes look up its functions by the module's name.
_RUN = "import sys, compile_packages; sys.exit(compile_packages.main(sys.argv[1:]))"


@dataclass(frozen=True)
class ReadyToolchain:
    """The digest of a toolchain's PEX. Its interpreter is linked, and its environment exists."""

    digest: Digest


@rule
async def prepare_toolchain(request: ToolchainRequest) -> ReadyToolchain:
    toolchain, script, sources, _ = await MultiGet(
        Get(Toolchain, ToolchainRequest, request),
        Get(
            Digest,
            CreateDigest([FileContent(_SCRIPT, inspect.getsource(compile_packages).encode())]),
        ),
        Get(Digest, PathGlobs([f"{SOURCE_ROOT}/**/*.py", f"!{SOURCE_ROOT}/**/*_test.py"])),
        Get(ToolchainInterpreter),
    )
    name = toolchain_name(request.resolves)
    process = toolchain_process(
        ("-c", _RUN, SOURCE_ROOT, PEX_ROOT),
        input_digest=await Get(Digest, MergeDigests([toolchain.digest, script, sources])),
        output_files=(),
        description=f"Prepare the {name} toolchain",
    )
    result = await Get(
        FallibleProcessResult,
        Process,
        # The environment is in a named cache, which may be another one, or gone, in the next session.
        dataclasses.replace(process, cache_scope=ProcessCacheScope.PER_SESSION),
    )
    if result.exit_code != 0:
        raise PteBuildError(describe_failure(f"the {name} toolchain: not prepared", result))
    return ReadyToolchain(toolchain.digest)


def rules() -> Iterable[Rule]:
    return collect_rules()
