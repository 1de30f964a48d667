"""Check what a process, or a cache in its place, returned: refused unless it has the expected form."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pants.engine.addresses import Address
from pants.engine.fs import DigestEntries, FileDigest, FileEntry

from pte_build.errors import PteBuildError


def wrong_cache_entry(owner: Address, returned: str) -> PteBuildError:
    """The error to raise for a result that the process itself would not have written."""
    return PteBuildError(
        f"{owner}: a cache returned {returned}. Do not trust that cache; build with --no-local-cache and "
        "--no-remote-cache-read."
    )


def plain_files(entries: DigestEntries) -> dict[str, FileDigest]:
    """Path to content, of those entries that are plain files."""
    return {entry.path: entry.file_digest for entry in entries if isinstance(entry, FileEntry)}


def expected_files(
    owner: Address, entries: DigestEntries, names: Iterable[str]
) -> dict[str, FileDigest]:
    """The content of the files of these names. Raises PteBuildError if one is missing or not a plain file."""
    files = plain_files(entries)
    names = tuple(names)
    missing = sorted(set(names) - set(files))
    if missing:
        raise wrong_cache_entry(owner, f"a result without the file {' and '.join(missing)}")
    return {name: files[name] for name in names}


def read_object(owner: Address, name: str, content: bytes) -> dict[str, Any]:
    """The JSON object in a file. Raises PteBuildError if it holds anything else."""
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise wrong_cache_entry(owner, f"a {name} that is not a JSON object")
    return value
