"""What the rules for checkpoints ask of files, without the engine."""

from __future__ import annotations

import hashlib


def file_sha256(path: str) -> str:
    """The SHA-256 of a file's content, lower-case hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
