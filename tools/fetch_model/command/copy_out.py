"""Copy a cached file to where the user wants it, under the name that they know."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from pte_foundry.client.content import Content
from workspace.errors import ToolError

_BLOCK = 1 << 20


def copy_out(cached: Path, folder: Path, name: str, content: Content) -> Path:
    """Copy `cached` to `folder/name` atomically: nobody sees a part of it, or other bytes.

    Raises:
        ToolError: the folder cannot be written, or the cached file has just been changed.
    """
    final = folder / name
    temporary = folder / f".{name}.{secrets.token_hex(8)}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            if _copy(cached, temporary) != content:
                raise ToolError(
                    f"{cached} changed while it was being copied. Run the command again"
                )
            os.replace(temporary, final)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ToolError(
            f"{final} cannot be written ({error.strerror}). Name another folder with --to"
        ) from error
    return final


def _copy(source: Path, target: Path) -> Content:
    """Copy; returns what was copied."""
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as read, target.open("xb") as write:
        while block := read.read(_BLOCK):
            digest.update(block)
            size += len(block)
            write.write(block)
    return Content(digest.hexdigest(), size)
