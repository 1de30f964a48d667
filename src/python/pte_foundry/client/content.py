"""The expected SHA-256 and size of a file."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.client.files import open_regular

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
# `<` alone proves nothing: a program begins with a number, whose first byte may be `<`.
_MARKUP = re.compile(rb"\s*<[!?a-zA-Z]")


@dataclass(frozen=True)
class Content:
    """sha256: 64 lower-case hexadecimal digits. size: in bytes."""

    sha256: str
    size: int


def has_content(path: Path, content: Content) -> bool:
    """Whether the file at `path` has this size and SHA-256. Raises OSError unless it is a readable file."""
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size != content.size:
            return False
        digest = hashlib.file_digest(file, "sha256")
        return file.tell() == content.size and digest.hexdigest() == content.sha256


def hint(beginning: bytes) -> str:
    """A guess at what a wrong file is, from its first bytes; may be empty."""
    if beginning.startswith(_LFS_POINTER):
        return " It is a Git LFS pointer: run `git lfs pull` there, or use an address that serves the file itself."
    if _MARKUP.match(beginning):
        return " It looks like a web page: the server, or a proxy in between, answered with something else."
    return ""
