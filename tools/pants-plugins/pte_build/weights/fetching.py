"""Bring a checkpoint into the store: from its substitute, the distdirs or its URLs. Only asked for on a cache miss."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pants.base.build_root import BuildRoot
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import Digest, DownloadFile, FileDigest
from pants.engine.rules import Get, Rule, _uncacheable_rule, collect_rules, rule

from pte_build.errors import PteBuildError
from pte_build.weights.local_files import file_sha256, first_line
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
    """The local file with the wanted content, or None; and what was looked at and did not fit."""

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


# Files outside of the build root are invisible to the engine: look anew in every session that needs one.
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
    expected = FileDigest(weights.sha256, weights.size)
    local = await Get(LocalCopy, LocalCopyRequest(weights))
    if local.path is not None:
        # The engine does not decode addresses: a space or a `#` in the path would be looked for
        # as written there. A link has a path without such characters.
        with tempfile.TemporaryDirectory() as folder:
            link = os.path.join(folder, "checkpoint")
            os.symlink(local.path, link)
            await Get(Digest, DownloadFile(f"file:{link}", expected))
        return FetchedWeights(weights.sha256, weights.size)
    if weights.source == "substitute":
        raise PteBuildError(
            f"{weights.address}: the substitute checkpoint is not what [weights].substitutes says: {local.misses[0]}. "
            "Put the right file there, or correct its entry."
        )
    misses = list(local.misses)
    for url in weights.urls:
        try:
            await Get(Digest, DownloadFile(url, expected))
        except Exception as error:
            # Whatever went wrong, the next mirror may have it; all reasons are told if none has.
            misses.append(f"{url}: {first_line(error)}")
            continue
        return FetchedWeights(weights.sha256, weights.size)
    tried = (
        "".join(f"\n  - {miss}" for miss in misses)
        or "\n  - it has no `urls`, and no distdirs are set"
    )
    raise PteBuildError(
        f"{weights.address}: the checkpoint {weights.file} (sha256 {weights.sha256}, {weights.size} bytes) could not "
        f"be had. Tried:{tried}\nPut the file into a folder and name that with --weights-distdirs, or build with "
        "--weights-source=seeded, which needs no checkpoint."
    )


def rules() -> Iterable[Rule]:
    return collect_rules()
