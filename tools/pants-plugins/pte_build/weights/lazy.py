"""Run a process that reads a checkpoint, without having the checkpoint if a cache has the result."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import (
    EMPTY_DIGEST,
    CreateDigest,
    Digest,
    FileDigest,
    FileEntry,
)
from pants.engine.process import (
    FallibleProcessResult,
    Process,
    ProcessCacheScope,
    ProcessResult,
)
from pants.engine.rules import Get, Rule, _uncacheable_rule, collect_rules, rule
from pants.util.logging import LogLevel

from pte_build.toolchain.process import LOOK_UP, NOT_IN_A_CACHE
from pte_build.weights.fetching import FetchedWeights, FetchWeights
from pte_build.weights.resolution import ResolvedWeights

# How long a local run waits for a remote cache's answer. Without this the two race, and the local run loses for
# want of the checkpoint before the answer is there.
_CACHE_ANSWER_MILLIS = 120_000
# What the engine says if a digest in a process's inputs is in no store.
_MISSING_DIGEST = re.compile(
    r"Was not present in (either )?the (local|remote)|MissingDigest", re.IGNORECASE
)


@dataclass(frozen=True)
class WeightsDigest:
    """The checkpoint at its sandbox path, as a digest whose content need not be in the store."""

    digest: Digest


@dataclass(frozen=True)
class ProcessWithWeights(EngineAwareParameter):
    """`process` is a `toolchain_process` with the `WeightsDigest` of `weights` among its inputs."""

    process: Process
    weights: ResolvedWeights

    def debug_hint(self) -> str:
        return self.process.description


@rule
async def weights_digest(weights: ResolvedWeights) -> WeightsDigest:
    if weights.sha256 is None or weights.size is None:
        return WeightsDigest(EMPTY_DIGEST)
    content = FileDigest(weights.sha256, weights.size)
    return WeightsDigest(
        await Get(Digest, CreateDigest([FileEntry(weights.sandbox_path, content)]))
    )


def is_missing_digest(error: Exception) -> bool:
    """Whether the engine failed only because it has not got the content of an input."""
    return bool(_MISSING_DIGEST.search(str(error)))


@dataclass(frozen=True)
class InStoreRequest(EngineAwareParameter):
    weights: ResolvedWeights

    def debug_hint(self) -> str:
        return self.weights.address.spec


@dataclass(frozen=True)
class InStore:
    present: bool


# The store changes between sessions, by fetches and by garbage collection.
@_uncacheable_rule
async def is_in_store(request: InStoreRequest) -> InStore:
    checkpoint = await Get(WeightsDigest, ResolvedWeights, request.weights)
    # A sandbox cannot be set up without the content. A download with this hash would not do: the
    # engine takes it from the store only if this very address gave it before.
    probe = Process(
        ("/bin/sh", "-c", ":"),
        input_digest=checkpoint.digest,
        description=f"Look for {request.weights.file} in the store",
        cache_scope=ProcessCacheScope.PER_SESSION,
        level=LogLevel.DEBUG,
    )
    try:
        await Get(ProcessResult, Process, probe)
    except Exception as error:
        if not is_missing_digest(error):
            raise
        return InStore(False)
    return InStore(True)


@rule
async def run_process_with_weights(request: ProcessWithWeights) -> FallibleProcessResult:
    weights = request.weights
    if weights.sha256 is None or weights.size is None:
        return await Get(FallibleProcessResult, Process, request.process)
    # The caches first, whether the checkpoint is here or not: the answer stays in the daemon's memory, while the store
    # has to be asked in each session, by a process of its own for each checkpoint. Hash and size of the checkpoint are
    # declared, so the process's cache key is known without it.
    look_up = dataclasses.replace(
        request.process,
        description=f"Look up: {request.process.description}",
        level=LogLevel.DEBUG,
        remote_cache_speculation_delay_millis=_CACHE_ANSWER_MILLIS,
        # Where the checkpoint is in the store, this could run.
        execution_slot_variable=LOOK_UP,
    )
    try:
        found = await Get(FallibleProcessResult, Process, look_up)
        if found.exit_code != NOT_IN_A_CACHE:
            return found
    except Exception as error:
        if not is_missing_digest(error):
            raise
    store = await Get(InStore, InStoreRequest(weights))
    if not store.present:
        await Get(FetchedWeights, FetchWeights(weights))
    return await Get(FallibleProcessResult, Process, request.process)


def rules() -> Iterable[Rule]:
    return collect_rules()
