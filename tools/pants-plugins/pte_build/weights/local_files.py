"""What the rules for checkpoints ask of files and errors, without the engine."""

from __future__ import annotations

import hashlib


def file_sha256(path: str) -> str:
    """The SHA-256 of a file's content, lower-case hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def first_line(error: Exception) -> str:
    """For a list of reasons."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
