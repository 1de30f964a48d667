"""Files that are replaced atomically: a reader sees the old content or the new one, never a part."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a name in the same folder to write to; at the end it replaces `path`.

    The permissions stay as they are. If the block raises, `path` is left alone and nothing else is left behind.
    """
    # Hidden, and not `BUILD.new`: Pants reads `BUILD.*`.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        yield temporary
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Write UTF-8, with the line endings that the text has."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))
