"""Bring a checkpoint into the store: from its substitute, the distdirs or its URLs. Only needed on a cache miss."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from pants.base.build_root import BuildRoot
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.env_vars import EnvironmentVars, EnvironmentVarsRequest
from pants.engine.fs import (
    CreateDigest,
    Digest,
    DigestContents,
    DigestEntries,
    DigestSubset,
    FileContent,
    FileDigest,
    MergeDigests,
    PathGlobs,
)
from pants.engine.process import Process, ProcessCacheScope, ProcessResult
from pants.engine.rules import Get, MultiGet, Rule, _uncacheable_rule, collect_rules, rule
from pants.option.global_options import GlobalOptions
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from pte_build.cache_entry import expected_files, read_object
from pte_build.errors import PteBuildError
from pte_build.progress import stage_files
from pte_build.progress.stage_files import REQUEST_KEYS
from pte_build.sources import FETCH_MAIN, LibrarySources, LibrarySourcesRequest, module_name
from pte_build.toolchain.interpreter import ToolchainInterpreter
from pte_build.toolchain.process import SOURCE_ROOT, library_process
from pte_build.weights.local_files import file_sha256
from pte_build.weights.resolution import ResolvedWeights
from pte_build.weights.subsystem import WeightsSubsystem
from pte_foundry.records.fetch_request import FetchOutcome, FetchRequest
from pte_foundry.records.json_fields import Fields

_REQUEST = "fetch_request.json"
_CHECKPOINT = "checkpoint"
_OUTCOME = "fetch_outcome.json"
# The named cache of incomplete downloads, and where the process finds it.
_KEPT = {"pte_downloads": ".downloads"}
# How this machine reaches others.
_CONNECTION = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
)


@dataclass(frozen=True)
class FetchWeights(EngineAwareParameter):
    weights: ResolvedWeights

    def debug_hint(self) -> str:
        return self.weights.address.spec


@dataclass(frozen=True)
class FetchedWeights:
    """The content with this SHA-256 and size is in the store now."""

    sha256: str
    size: int


@dataclass(frozen=True)
class LocalCopy:
    """The local file with the expected content, or None; and what was looked at and did not match."""

    path: str | None
    misses: tuple[str, ...]


@dataclass(frozen=True)
class LocalCopyRequest(EngineAwareParameter):
    weights: ResolvedWeights


def describe_mismatch(path: str, sha256: str, size: int) -> str:
    """What a file has instead of the pinned content."""
    actual_size = os.path.getsize(path)
    return f"{path} has sha256 {file_sha256(path)} and {actual_size} bytes, expected {sha256} and {size} bytes"


def search_distdirs(folders: Iterator[str], file: str, sha256: str, size: int) -> LocalCopy:
    """Look for the content in `folders`, by size and hash; file names do not matter.

    A file of the expected name with other content is reported, since its owner takes it for the checkpoint.
    """
    misses = []
    for folder in folders:
        if not os.path.isdir(folder):
            misses.append(f"{folder} is not a folder")
            continue
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if not entry.is_file():
                continue
            if entry.stat().st_size == size and file_sha256(entry.path) == sha256:
                return LocalCopy(entry.path, tuple(misses))
            if entry.name == file:
                misses.append(describe_mismatch(entry.path, sha256, size))
    return LocalCopy(None, tuple(misses))


# Files outside the build root are invisible to the engine: look again in every session that needs one.
@_uncacheable_rule
async def find_local_copy(
    request: LocalCopyRequest, subsystem: WeightsSubsystem, build_root: BuildRoot
) -> LocalCopy:
    weights = request.weights
    assert weights.sha256 is not None and weights.size is not None
    if weights.local_path is None:
        folders = (os.path.join(build_root.path, folder) for folder in subsystem.distdirs)
        return search_distdirs(folders, weights.file, weights.sha256, weights.size)
    if not os.path.isfile(weights.local_path):
        return LocalCopy(None, (f"{weights.local_path} does not exist",))
    if (
        os.path.getsize(weights.local_path) != weights.size
        or file_sha256(weights.local_path) != weights.sha256
    ):
        return LocalCopy(
            None, (describe_mismatch(weights.local_path, weights.sha256, weights.size),)
        )
    return LocalCopy(weights.local_path, ())


@dataclass(frozen=True)
class TrustedCertificates:
    """`file` has authorities that are trusted beside the system's; None if there are no others."""

    file: str | None


@rule
def trusted_certificates(options: GlobalOptions) -> TrustedCertificates:
    """Apart, so that other global options do not fetch anything again."""
    return TrustedCertificates(options.ca_certs_path)


@dataclass(frozen=True)
class _Fetch(EngineAwareParameter):
    """Try these addresses in order."""

    weights: ResolvedWeights
    urls: tuple[str, ...]

    def debug_hint(self) -> str:
        return self.weights.address.spec


@dataclass(frozen=True)
class _Fetched:
    """`misses`: why addresses did not have it."""

    fetched: bool
    misses: tuple[str, ...]


@rule
async def fetch_from_addresses(request: _Fetch, certificates: TrustedCertificates) -> _Fetched:
    # Not by the engine: it holds a download in memory, and begins anew after an interruption.
    weights = request.weights
    assert weights.sha256 is not None and weights.size is not None
    wanted = FetchRequest(weights.file, weights.sha256, weights.size, request.urls)
    content = json.dumps(wanted.to_json(), indent=2).encode()
    description = f"Fetch {weights.address}"
    REQUEST_KEYS.add(description, content)
    sources, file, environment, _ = await MultiGet(
        Get(LibrarySources, LibrarySourcesRequest(FETCH_MAIN)),
        Get(Digest, CreateDigest([FileContent(_REQUEST, content)])),
        Get(EnvironmentVars, EnvironmentVarsRequest(_CONNECTION)),
        Get(ToolchainInterpreter),
    )
    inputs = await Get(Digest, MergeDigests([sources.digest, file]))
    kept = next(iter(_KEPT.values()))
    process = library_process(
        (
            *("-m", module_name(FETCH_MAIN, SOURCE_ROOT), _REQUEST, "--kept", kept),
            *("--output", _CHECKPOINT, "--outcome", _OUTCOME),
        ),
        input_digest=inputs,
        output_files=(_CHECKPOINT, _OUTCOME),
        description=description,
    )
    authorities = {"PTE_CA_CERTS": certificates.file} if certificates.file else {}
    process = dataclasses.replace(
        process,
        env=FrozenDict({**process.env, **environment, **authorities, **stage_files.ENVIRONMENT}),
        append_only_caches=FrozenDict({**process.append_only_caches, **_KEPT, **stage_files.CACHE}),
        # In no cache: what matters is that the content is in the store.
        cache_scope=ProcessCacheScope.PER_SESSION,
        level=LogLevel.INFO,
    )
    result = await Get(ProcessResult, Process, process)
    entries, outcome_digest = await MultiGet(
        Get(DigestEntries, Digest, result.output_digest),
        Get(Digest, DigestSubset(result.output_digest, PathGlobs([_OUTCOME]))),
    )
    (outcome_file,) = await Get(DigestContents, Digest, outcome_digest)
    outcome = FetchOutcome.read(
        Fields(read_object(weights.address, _OUTCOME, outcome_file.content), _OUTCOME)
    )
    if outcome.fetched:
        got = expected_files(weights.address, entries, (_CHECKPOINT,))[_CHECKPOINT]
        assert got == FileDigest(weights.sha256, weights.size)
    return _Fetched(outcome.fetched, outcome.reasons)


@rule(desc="Fetch a checkpoint")
async def fetch_weights(request: FetchWeights) -> FetchedWeights:
    weights = request.weights
    assert weights.sha256 is not None and weights.size is not None
    local = await Get(LocalCopy, LocalCopyRequest(weights))
    if local.path is None and weights.source == "substitute":
        raise PteBuildError(
            f"{weights.address}: the substitute checkpoint is not what [weights].substitutes says: {local.misses[0]}. "
            "Put the right file there, or correct its entry."
        )
    misses = local.misses
    if urls := weights.urls if local.path is None else (f"file:{quote(local.path)}",):
        fetched = await Get(_Fetched, _Fetch(weights, urls))
        if fetched.fetched:
            return FetchedWeights(weights.sha256, weights.size)
        misses += fetched.misses
    tried = (
        "".join(f"\n  - {miss}" for miss in misses)
        or "\n  - it has no `urls`, and no distdirs are set"
    )
    raise PteBuildError(
        f"{weights.address}: the checkpoint {weights.file} (sha256 {weights.sha256}, {weights.size} bytes) could not "
        f"be fetched. Tried:{tried}\nPut the file into a folder and name that with --weights-distdirs, or build with "
        "--weights-source=seeded, which needs no checkpoint."
    )


def rules() -> Iterable[Rule]:
    return collect_rules()
