"""Run a process of the library's cheap parts: reports, index, tree. No remote cache is asked for their results.

They take a fraction of a second, and what apps trust is in them: nobody who can write to a shared cache gets to write
a report, a hash in an index, or a tree's table of contents.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.process import FallibleProcessResult, Process, ProcessCacheScope
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.option.global_options import GlobalOptions


@dataclass(frozen=True)
class LibraryRun(EngineAwareParameter):
    """`process` is a `library_process`."""

    process: Process

    def debug_hint(self) -> str:
        return self.process.description


@dataclass(frozen=True)
class RemoteCacheUse:
    reads: bool


@rule
def remote_cache_use(options: GlobalOptions) -> RemoteCacheUse:
    """Apart, so that other global options do not make library processes run again."""
    return RemoteCacheUse(options.remote_cache_read)


def kept_from_remote_caches(process: Process, use: RemoteCacheUse) -> Process:
    """The process itself where no remote cache is read: then the local store keeps its result."""
    if not use.reads:
        return process
    # This version of Pants has no scope for the local store alone. This one is kept in memory.
    return dataclasses.replace(process, cache_scope=ProcessCacheScope.PER_RESTART_SUCCESSFUL)


@rule
async def run_library(request: LibraryRun, use: RemoteCacheUse) -> FallibleProcessResult:
    return await Get(FallibleProcessResult, Process, kept_from_remote_caches(request.process, use))


def rules() -> Iterable[Rule]:
    return collect_rules()
