"""The length of a checkpoint that is pinned by its hash alone: learned at the first fetch, and kept on the machine.

Pants names a file by hash and length, so keys of results need both. The length is kept beside Pants' store.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pants.base.build_root import BuildRoot
from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.rules import Get, Rule, _uncacheable_rule, collect_rules
from pants.option.global_options import GlobalOptions

from pte_build.errors import PteBuildError
from pte_build.weights.downloading import Download, Downloaded
from pte_build.weights.local_files import file_sha256
from pte_build.weights.subsystem import WeightsSubsystem

# In the folder of the named caches: a file for each checkpoint, called like its SHA-256.
FOLDER = "checkpoint_sizes"


@dataclass(frozen=True)
class CheckpointSizeRequest(EngineAwareParameter):
    """A `model_weights` with `sha256` and without `size`."""

    address: Address
    file: str
    sha256: str
    urls: tuple[str, ...]

    def debug_hint(self) -> str:
        return self.address.spec


@dataclass(frozen=True)
class CheckpointSize:
    """In bytes."""

    size: int


def kept_size(folder: str, sha256: str) -> int | None:
    """What an earlier session has learned; None if it has not, or if the file cannot be read."""
    try:
        with open(os.path.join(folder, sha256), encoding="ascii") as file:
            text = file.read(32)
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if text.endswith("\n") and text[:-1].isdigit() else None


def keep_size(folder: str, sha256: str, size: int) -> None:
    """Write it in one step: other sessions may read at the same time."""
    os.makedirs(folder, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, encoding="ascii", delete=False) as file:
        file.write(f"{size}\n")
    os.replace(file.name, os.path.join(folder, sha256))


def size_in_folders(folders: Iterator[str], sha256: str) -> int | None:
    """The length of the file with this content, whatever its name. Reads every file until it is found."""
    for folder in folders:
        if not os.path.isdir(folder):
            continue
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if entry.is_file() and file_sha256(entry.path) == sha256:
                return entry.stat().st_size
    return None


# Files outside of the build root are invisible to the engine.
@_uncacheable_rule
async def learn_checkpoint_size(
    request: CheckpointSizeRequest,
    subsystem: WeightsSubsystem,
    global_options: GlobalOptions,
    build_root: BuildRoot,
) -> CheckpointSize:
    notes = os.path.join(global_options.named_caches_dir, FOLDER)
    kept = kept_size(notes, request.sha256)
    if kept is not None:
        return CheckpointSize(kept)
    folders = (os.path.join(build_root.path, folder) for folder in subsystem.distdirs)
    size = size_in_folders(folders, request.sha256)
    misses: tuple[str, ...] = ()
    if size is None and request.urls:
        wanted = Download(request.address, request.file, request.sha256, None, request.urls)
        downloaded = await Get(Downloaded, Download, wanted)
        size, misses = downloaded.size, downloaded.misses
    if size is None:
        tried = "".join(f"\n  - {miss}" for miss in misses) or "\n  - it has no `urls`"
        raise PteBuildError(
            f"{request.address}: the checkpoint {request.file} (sha256 {request.sha256}) has no `size` in the BUILD "
            f"file, and it could not be fetched to learn its size. No distdir has it. Tried:{tried}\nPut the file into "
            f"a folder and name that with --weights-distdirs, or write its `size` into the BUILD file, as `./foundry "
            f"pin {request.address}` does, or build with --weights-source=seeded, which needs no checkpoint."
        )
    keep_size(notes, request.sha256, size)
    return CheckpointSize(size)


def rules() -> Iterable[Rule]:
    return collect_rules()
