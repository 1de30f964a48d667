"""Make sure that a checkpoint is in the store, for a process that is about to run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import (
    CreateDigest,
    Digest,
)
from pants.engine.process import Process, ProcessCacheScope, ProcessResult
from pants.engine.rules import Get, Rule, _uncacheable_rule, collect_rules
from pants.util.logging import LogLevel

from pte_build.weights.fetching import FetchedWeights, FetchWeights
from pte_build.weights.resolution import ResolvedWeights

_MISSING_DIGEST = re.compile(
    r"Was not present in (either )?the (local|remote)|MissingDigest", re.IGNORECASE
)


@dataclass(frozen=True)
class PresentWeights:
    """Says that the content is in the store, if the weights have a checkpoint."""


def is_missing_digest(error: Exception) -> bool:
    """Whether the engine failed only because it lacks the content of an input."""
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
    checkpoint = await Get(Digest, CreateDigest(request.weights.files()))
    # A sandbox cannot be set up without the content. A download with this hash is no probe: the engine takes it from
    # the store only if this very URL provided it before.
    probe = Process(
        ("/bin/sh", "-c", ":"),
        input_digest=checkpoint,
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


# Uncacheable itself: of a cached rule, the engine asks all dependencies in the next session, at once, whether they have
# changed. The download is one of them, so it would fetch again what is there.
@_uncacheable_rule
async def ensure_weights(request: FetchWeights) -> PresentWeights:
    if request.weights.files():
        store = await Get(InStore, InStoreRequest(request.weights))
        if not store.present:
            await Get(FetchedWeights, FetchWeights, request)
    return PresentWeights()


def rules() -> Iterable[Rule]:
    return collect_rules()
