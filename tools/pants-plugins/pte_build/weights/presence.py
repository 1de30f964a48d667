"""Have a checkpoint in the store, for a process that is about to run."""

from __future__ import annotations

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
from pants.engine.process import Process, ProcessCacheScope, ProcessResult
from pants.engine.rules import Get, Rule, _uncacheable_rule, collect_rules, rule
from pants.util.logging import LogLevel

from pte_build.weights.fetching import FetchedWeights, FetchWeights
from pte_build.weights.resolution import ResolvedWeights

_MISSING_DIGEST = re.compile(
    r"Was not present in (either )?the (local|remote)|MissingDigest", re.IGNORECASE
)


@dataclass(frozen=True)
class WeightsDigest:
    """The checkpoint at its sandbox path, as a digest whose content need not be in the store."""

    digest: Digest


@dataclass(frozen=True)
class PresentWeights:
    """Says that the content is in the store, if the weights have a checkpoint."""


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
async def have_weights(weights: ResolvedWeights) -> PresentWeights:
    if weights.sha256 is not None and weights.size is not None:
        store = await Get(InStore, InStoreRequest(weights))
        if not store.present:
            await Get(FetchedWeights, FetchWeights(weights))
    return PresentWeights()


def rules() -> Iterable[Rule]:
    return collect_rules()
