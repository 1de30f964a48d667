"""Which store keeps the results of runs that need no toolchain."""

from __future__ import annotations

import dataclasses

from pants.engine.process import Process, ProcessCacheScope

from pte_build.library.run_main import RemoteCacheUse, kept_from_remote_caches

PROCESS = Process(("/bin/true",), description="A process")


def test_the_local_store_keeps_the_result_where_no_remote_cache_is_read() -> None:
    assert kept_from_remote_caches(PROCESS, RemoteCacheUse(reads=False)) == PROCESS


def test_no_store_keeps_it_otherwise() -> None:
    kept = kept_from_remote_caches(PROCESS, RemoteCacheUse(reads=True))
    assert kept.cache_scope == ProcessCacheScope.PER_RESTART_SUCCESSFUL
    assert dataclasses.replace(kept, cache_scope=PROCESS.cache_scope) == PROCESS
