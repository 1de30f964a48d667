"""Extract the photographs of a `photograph_set` from the package that ships them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import CreateDigest, Digest, FileContent, FileEntry
from pants.engine.rules import Get, Rule, collect_rules, rule

from pte_build.addresses import KnownTarget, TargetRequest
from pte_build.errors import PteBuildError
from pte_build.library.run_main import MainResult, MainRun
from pte_build.sources import PHOTOGRAPHS_MAIN
from pte_build.targets.pictures import (
    PhotographSet,
    PhotographsFilesField,
    PhotographsResolveField,
)
from pte_build.toolchain.locks import ToolchainRequest

FOLDER = "photographs"


@dataclass(frozen=True)
class PhotographsRequest(EngineAwareParameter):
    """`owner` is the target that names the set, for messages."""

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
    target = await Get(
        KnownTarget,
        TargetRequest(
            request.photographs, PhotographSet, field="photographs", owner=request.owner.spec
        ),
    )
    files = dict(target[PhotographsFilesField].value or {})
    names = tuple(sorted(PurePath(path).name for path in files))
    if len(set(names)) != len(names):
        raise PteBuildError(
            f"{target.address}: two photographs have the same file name: {', '.join(names)}."
        )
    resolve = target[PhotographsResolveField].value or ""
    result = await Get(
        MainResult,
        MainRun(
            PHOTOGRAPHS_MAIN,
            FileContent("photographs.json", json.dumps(files, indent=2).encode()),
            ("--output", FOLDER),
            owner=target.address,
            failed="not extracted",
            description=f"Extract {target.address}",
            output_files=tuple(f"{FOLDER}/{name}" for name in names),
            toolchain=ToolchainRequest((resolve,), needed_by=target.address.spec),
        ),
    )
    # Whatever else a cache returns, only the pictures get into the sandboxes of exports and validations.
    digest = await Get(
        Digest, CreateDigest([FileEntry(path, content) for path, content in result.files.items()])
    )
    return Photographs(digest, names)


def rules() -> Iterable[Rule]:
    return collect_rules()
