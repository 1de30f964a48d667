"""Which paths may stand in an index or a tree."""

from __future__ import annotations

import re

from pte_foundry.errors import PteError

# Plain enough to be a URL's path, a file name on every platform, and a line of SHA256SUMS without any
# escape. No part begins with a dot or a dash: `..` would leave the tree, `-x` reads as an option.
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*(/[A-Za-z0-9_][A-Za-z0-9._+-]*)*")


def check_path(path: str, where: str) -> str:
    """Return `path` if it is relative, normalised and made of plain ASCII.

    Raises:
        PteError: `bad-path` otherwise, naming `where` it was found.
    """
    if not _PATH.fullmatch(path):
        raise PteError(
            "bad-path",
            f"{where}: {path!r} is no plain relative path. Use letters, digits, `._+-` and `/`, "
            "and begin no part with `.` or `-`",
        )
    return path
