"""The process that downloads a checkpoint, and leaves it in the store."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.env_vars import EnvironmentVars, EnvironmentVarsRequest
from pants.engine.fs import (
    CreateDigest,
    Digest,
    DigestContents,
    DigestEntries,
    DigestSubset,
    FileContent,
    MergeDigests,
    PathGlobs,
)
from pants.engine.process import Process, ProcessCacheScope, ProcessResult
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.option.global_options import GlobalOptions
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from pte_build.cache_entry import expected_files, read_object
from pte_build.progress import stage_files
from pte_build.progress.stage_files import REQUEST_KEYS
from pte_build.sources import FETCH_MAIN, LibrarySources, LibrarySourcesRequest, module_name
from pte_build.toolchain.interpreter import ToolchainInterpreter
from pte_build.toolchain.process import SOURCE_ROOT, library_process
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
class Download(EngineAwareParameter):
    """Try these addresses in order. `size` is in bytes; None if it is not known.

    address: of the `model_weights`. file: the checkpoint's name, for people.
    """

    address: Address
    file: str
    sha256: str
    size: int | None
    urls: tuple[str, ...]

    def debug_hint(self) -> str:
        return self.address.spec


@dataclass(frozen=True)
class Downloaded:
    """size: of what is in the store now, in bytes; None if no address had it. misses: why addresses did not."""

    size: int | None
    misses: tuple[str, ...]


@dataclass(frozen=True)
class TrustedCertificates:
    """`file` has authorities that are trusted beside the system's; None if there are no others."""

    file: str | None


@rule
def trusted_certificates(options: GlobalOptions) -> TrustedCertificates:
    """Apart, so that other global options do not fetch anything again."""
    return TrustedCertificates(options.ca_certs_path)


@rule
async def download_checkpoint(request: Download, certificates: TrustedCertificates) -> Downloaded:
    # Not by the engine: it holds a download in memory, and begins anew after an interruption.
    wanted = FetchRequest(request.file, request.sha256, request.size, request.urls)
    content = json.dumps(wanted.to_json(), indent=2).encode()
    description = f"Fetch {request.address}"
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
        Fields(read_object(request.address, _OUTCOME, outcome_file.content), _OUTCOME)
    )
    if not outcome.fetched:
        return Downloaded(None, outcome.reasons)
    got = expected_files(request.address, entries, (_CHECKPOINT,))[_CHECKPOINT]
    size = got.serialized_bytes_length
    assert got.fingerprint == request.sha256 and request.size in (None, size)
    return Downloaded(size, outcome.reasons)


def rules() -> Iterable[Rule]:
    return collect_rules()
