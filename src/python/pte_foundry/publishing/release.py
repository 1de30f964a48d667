"""What a release is called, and which of a tree's files its name covers."""

from __future__ import annotations

import hashlib
import re

from pte_foundry.indexing.versions import version_key

_DIGITS = 12
_NAME = re.compile(rf"v[0-9][0-9a-z.]*-[0-9a-f]{{{_DIGITS}}}", re.ASCII)


def release_name(version: str, sums: bytes) -> str:
    """`v<version>-<first 12 hexadecimal digits of the SHA-256 of SHA256SUMS>`.

    SHA256SUMS lists every file of the tree that `tree_files.is_covered` says, so that trees of the same artifacts go by
    one name, whatever commit they were built from.

    Args:
        version: the ExecuTorch version, `latest` in the tree's versions.json.
        sums: the bytes of the tree's SHA256SUMS.

    Raises:
        PteError: `bad-version` if the version is none.
    """
    version_key(version)
    return f"v{version}-{hashlib.sha256(sums).hexdigest()[:_DIGITS]}"


def is_release_name(text: str) -> bool:
    """Whether `text` could come from `release_name`."""
    return _NAME.fullmatch(text) is not None
