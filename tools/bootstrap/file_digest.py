"""Checking a file against a pinned SHA-256 and size."""

from __future__ import annotations

import hashlib
from pathlib import Path

from errors import PreparationError


def sha256_of(path: Path) -> str:
    """The lower-case hex SHA-256 of a file, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def matches(path: Path, sha256: str, size: int) -> bool:
    """Whether `path` is a file of `size` bytes with that hash. A missing file does not match."""
    return path.is_file() and path.stat().st_size == size and sha256_of(path) == sha256


def require_match(path: Path, sha256: str, size: int, advice: str) -> None:
    """Raises PreparationError, which ends with `advice`, unless `path` has that hash and size."""
    if not matches(path, sha256, size):
        raise PreparationError(
            f"wrong hash: {path.name} has sha256 {sha256_of(path)} and {path.stat().st_size} bytes;"
            f" pinned are {sha256} and {size} bytes.\n{advice}"
        )
