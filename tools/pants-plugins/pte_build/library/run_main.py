"""Run one of the library's entry modules: sources, a request and other inputs go in, output files come out."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import (
    CreateDigest,
    Digest,
    DigestEntries,
    FileContent,
    FileDigest,
    FileEntry,
    MergeDigests,
)
from pants.engine.process import FallibleProcessResult, Process, ProcessCacheScope
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.option.global_options import GlobalOptions
from pants.util.frozendict import FrozenDict

from pte_build.cache_entry import expected_files, plain_files
from pte_build.errors import PteBuildError
from pte_build.process_failure import describe_failure
from pte_build.progress.stage_files import REQUEST_KEYS
from pte_build.result_cache.toolchain_run import ToolchainResult, ToolchainRun
from pte_build.sources import LibrarySources, LibrarySourcesRequest, module_name
from pte_build.toolchain.environment import ReadyToolchain
from pte_build.toolchain.interpreter import ToolchainInterpreter
from pte_build.toolchain.locks import ToolchainRequest
from pte_build.toolchain.process import SOURCE_ROOT, library_process, toolchain_process
from pte_build.weights.resolution import ResolvedWeights


@dataclass(frozen=True)
class MainRun(EngineAwareParameter):
    """A run of an entry module.

    main: the module's file.
    request: the request file, which is the first argument; None if there is none.
    arguments: those after the request file.
    owner, failed: the target that it is run for, and what to say about it if the run fails; for messages.
    output_files: the files that it writes. A result that lacks one is refused.
    files, inputs: what it reads besides its sources and its request.
    plugins: files that it loads by name; its sources include what they import.
    toolchain: what it runs in; None for a bare interpreter.
    weights: the checkpoint among its files, if any.
    trusted: apps trust the result, so it is never taken from a shared cache, which others can write to. The same goes
        for all runs in a bare interpreter; they take a fraction of a second.
    may_fail: the exit code is part of the result, and output files may be missing.
    remote: whether it runs on the workers of a remote execution service, if one is set. Worth it for minutes of work.
    """

    main: str
    request: FileContent | None
    arguments: tuple[str, ...]
    owner: Address
    failed: str
    description: str
    output_files: tuple[str, ...]
    files: tuple[FileContent | FileEntry, ...] = ()
    inputs: tuple[Digest, ...] = ()
    plugins: tuple[Address, ...] = ()
    toolchain: ToolchainRequest | None = None
    weights: ResolvedWeights | None = None
    environment: FrozenDict[str, str] = FrozenDict()
    timeout_seconds: int | None = None
    trusted: bool = False
    may_fail: bool = False
    remote: bool = False

    def debug_hint(self) -> str:
        return self.description


@dataclass(frozen=True)
class MainResult:
    """`files` has the output files, and nothing else that a cache may have returned."""

    process: FallibleProcessResult
    files: FrozenDict[str, FileDigest]


@dataclass(frozen=True)
class RemoteCacheUse:
    reads: bool


@rule
def remote_cache_use(options: GlobalOptions) -> RemoteCacheUse:
    """A rule of its own, so that other global options do not make library processes run again."""
    return RemoteCacheUse(options.remote_cache_read)


def kept_from_remote_caches(process: Process, use: RemoteCacheUse) -> Process:
    """The process, out of reach of remote caches; unchanged if none is read: then the local store keeps its result."""
    if not use.reads:
        return process
    # Pants 2.17 has no scope for the local store alone. This one keeps the result in memory.
    return dataclasses.replace(process, cache_scope=ProcessCacheScope.PER_RESTART_SUCCESSFUL)


class Record(Protocol):
    """One of `pte_foundry.records`."""

    def to_json(self) -> dict[str, object]: ...


def request_file(name: str, record: Record) -> FileContent:
    """The request file. Its text is part of cache keys."""
    return FileContent(name, (json.dumps(record.to_json(), indent=2) + "\n").encode())


@rule
async def run_main(request: MainRun, use: RemoteCacheUse) -> MainResult:
    own = () if request.request is None else (request.request,)
    for file in own:
        REQUEST_KEYS.add(request.description, file.content)
    sources, files = await MultiGet(
        Get(LibrarySources, LibrarySourcesRequest(request.main, request.plugins)),
        Get(Digest, CreateDigest([*own, *request.files])),
    )
    inputs = await Get(Digest, MergeDigests([sources.digest, files, *request.inputs]))
    argv = (
        "-m",
        module_name(request.main, SOURCE_ROOT),
        *(file.path for file in own),
        *request.arguments,
    )
    if request.toolchain is None:
        await Get(ToolchainInterpreter)
        process = library_process(
            argv,
            input_digest=inputs,
            output_files=request.output_files,
            description=request.description,
        )
    else:
        process = toolchain_process(
            argv,
            input_digest=inputs,
            output_files=request.output_files,
            source_roots=sources.source_roots,
            environment=request.environment,
            description=request.description,
            timeout_seconds=request.timeout_seconds,
        )
    if request.toolchain is not None and not request.trusted:
        run = ToolchainRun(process, request.toolchain, request.weights, request.remote)
        ran = await Get(ToolchainResult, ToolchainRun, run)
        result = ran.process
    else:
        if request.toolchain is not None:
            toolchain = await Get(ReadyToolchain, ToolchainRequest, request.toolchain)
            inputs = await Get(Digest, MergeDigests([inputs, toolchain.digest]))
            process = dataclasses.replace(process, input_digest=inputs)
        result = await Get(FallibleProcessResult, Process, kept_from_remote_caches(process, use))
    if result.exit_code != 0 and not request.may_fail:
        raise PteBuildError(describe_failure(f"{request.owner}: {request.failed}", result))
    entries = await Get(DigestEntries, Digest, result.output_digest)
    if request.may_fail:
        written = plain_files(entries)
        names = tuple(name for name in request.output_files if name in written)
    else:
        names = request.output_files
    return MainResult(result, FrozenDict(expected_files(request.owner, entries, names)))


def rules() -> Iterable[Rule]:
    return collect_rules()
