"""Bring a checkpoint into the store: from its substitute, the distdirs or its URLs. Only needed on a cache miss."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from pants.base.build_root import BuildRoot
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.rules import Get, Rule, _uncacheable_rule, collect_rules, rule

from pte_build.errors import PteBuildError
from pte_build.weights.downloading import Download, Downloaded
from pte_build.weights.local_files import file_sha256
from pte_build.weights.resolution import ResolvedWeights
from pte_build.weights.subsystem import WeightsSubsystem


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
        wanted = Download(weights.address, weights.file, weights.sha256, weights.size, urls)
        fetched = await Get(Downloaded, Download, wanted)
        if fetched.size is not None:
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
