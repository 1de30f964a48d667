"""What identifies a file's content."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from workspace.errors import ToolError

# The file name convention of torch.hub: `<name>-<first digits of the SHA-256>.<suffix>`, eight or more.
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.")


@dataclass(frozen=True)
class CheckpointContent:
    """sha256: 64 lower-case hexadecimal digits. size: bytes."""

    sha256: str
    size: int


def content_of_file(path: Path) -> CheckpointContent:
    """Raises ToolError if there is no such file, or if it is empty."""
    digest = hashlib.sha256()
    size = 0
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
                size += len(block)
    except OSError as error:
        raise ToolError(f"{path}: cannot be read: {error.strerror}") from None
    if size == 0:
        raise ToolError(f"{path}: is empty, so it is no checkpoint")
    return CheckpointContent(digest.hexdigest(), size)


def check_name(file: str, content: CheckpointContent) -> None:
    """Raises ToolError if `file`'s name carries the beginning of another hash than the content's."""
    carried = _HASH_IN_NAME.search(file)
    if carried is not None and not content.sha256.startswith(carried[1]):
        raise ToolError(
            f"{file}: the name says that the SHA-256 begins with {carried[1]}, but the file has "
            f"{content.sha256} ({content.size} bytes). It is another or a damaged file: check the "
            "urls. If these digits of the name are no hash, say --no-hash-in-name"
        )
