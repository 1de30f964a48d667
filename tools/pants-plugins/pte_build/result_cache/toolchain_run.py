"""Run a process in a toolchain, unless a cache has its result: then neither toolchain nor checkpoint is needed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import (
    AddPrefix,
    CreateDigest,
    Digest,
    Directory,
    FileContent,
    MergeDigests,
)
from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule

from pte_build.remote_runs.place import RunPlace
from pte_build.remote_runs.run import WorkerResult, WorkerRun
from pte_build.result_cache import entry
from pte_build.result_cache.key import result_key
from pte_build.toolchain.environment import ReadyToolchain
from pte_build.toolchain.identity import ToolchainIdentity
from pte_build.toolchain.locks import ToolchainRequest
from pte_build.toolchain.toolchain import Toolchain
from pte_build.weights.fetching import FetchWeights
from pte_build.weights.presence import PresentWeights
from pte_build.weights.resolution import ResolvedWeights


@dataclass(frozen=True)
class ToolchainRun(EngineAwareParameter):
    """`process` is a `toolchain_process` with all of its inputs but the toolchain.

    weights: whose checkpoint is among the inputs, if one is.
    remote: whether it runs on the workers of a remote execution service, if one is set.
    """

    process: Process
    toolchain: ToolchainRequest
    weights: ResolvedWeights | None = None
    remote: bool = False

    def debug_hint(self) -> str:
        return self.process.description


@dataclass(frozen=True)
class ToolchainResult:
    """A type of its own: if our rules returned a FallibleProcessResult, every process of Pants could come from them,
    and the rule graph would take longer to solve.
    """

    process: FallibleProcessResult


@rule
async def run_in_toolchain(request: ToolchainRun) -> ToolchainResult:
    process = request.process
    # Asked first: what cannot run as asked for is refused whatever a cache has.
    place = await Get(RunPlace)
    identity = await Get(ToolchainIdentity, ToolchainRequest, request.toolchain)
    key = result_key(process, identity)
    found = await Get(
        FallibleProcessResult,
        Process,
        entry.look_up(key, process.output_files, process.description),
    )
    if found.exit_code == 0:
        return ToolchainResult(found)
    if request.weights is not None:
        await Get(PresentWeights, FetchWeights(request.weights))
    workers = place.workers if request.remote else None
    if workers is None:
        ready = await Get(ReadyToolchain, ToolchainRequest, request.toolchain)
        inputs = await Get(Digest, MergeDigests([process.input_digest, ready.digest]))
        result = await Get(
            FallibleProcessResult, Process, dataclasses.replace(process, input_digest=inputs)
        )
    else:
        # Each worker prepares it for itself.
        toolchain = await Get(Toolchain, ToolchainRequest, request.toolchain)
        inputs = await Get(Digest, MergeDigests([process.input_digest, toolchain.digest]))
        complete = dataclasses.replace(process, input_digest=inputs)
        ran = await Get(WorkerResult, WorkerRun(complete, workers))
        result = ran.process
    if result.exit_code != 0:
        return ToolchainResult(result)
    files, said = await MultiGet(
        Get(Digest, AddPrefix(result.output_digest, entry.FILES)),
        Get(
            Digest,
            CreateDigest(
                [
                    # Needed if there are no files.
                    Directory(entry.FILES),
                    FileContent(entry.STDOUT, result.stdout),
                    FileContent(entry.STDERR, result.stderr),
                ]
            ),
        ),
    )
    left = await Get(Digest, MergeDigests([files, said]))
    description = f"Keep: {process.description}"
    # Whether or not it can be kept, this is the result.
    outputs = process.output_files
    await Get(FallibleProcessResult, Process, entry.leave(key, outputs, left, description))
    await Get(FallibleProcessResult, Process, entry.take(key, outputs, description))
    return ToolchainResult(result)


def rules() -> Iterable[Rule]:
    return collect_rules()
