"""The name of a release, and the files of a tree that determine it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from pte_foundry.index.versions import version_key
from pte_foundry.tree.sums import sha256sums
from pte_foundry.tree.tree_files import (
    BILL_OF_MATERIALS,
    CATALOGUE,
    MODEL_CARD,
    MODEL_PAGES,
    README,
    SCHEMA,
)

_DIGITS = 12
_NAME = re.compile(rf"v[0-9][0-9a-z.]*-[0-9a-f]{{{_DIGITS}}}", re.ASCII)
_PAGES = frozenset({README, SCHEMA, BILL_OF_MATERIALS, CATALOGUE})


def is_page(path: str) -> bool:
    """Whether a file only describes programs: a page, a model card, the schema, the bill of materials."""
    parts = path.split("/")
    is_card = len(parts) == 3 and parts[2] == MODEL_CARD
    return path in _PAGES or parts[0] == MODEL_PAGES or is_card


def identity(sums: Mapping[str, str]) -> str:
    """The SHA-256 of the lines of SHA256SUMS without pages: programs, label files, indexes, licences.

    Trees with the same artifacts have the same one, whatever their commits and pages.

    Args:
        sums: path -> SHA-256, of all files that SHA256SUMS covers.
    """
    lines = sha256sums({path: sha256 for path, sha256 in sums.items() if not is_page(path)})
    return hashlib.sha256(lines.encode()).hexdigest()


def release_name(version: str, sums: Mapping[str, str]) -> str:
    """`v<version>-<first 12 hexadecimal digits of the tree's identity>`.

    Args:
        version: the ExecuTorch version, `latest` in the tree's versions.json.
        sums: see `identity`.

    Raises:
        PteError: `bad-version` for a malformed version.
    """
    version_key(version)
    return f"v{version}-{identity(sums)[:_DIGITS]}"


def is_release_name(text: str) -> bool:
    """Whether `text` could come from `release_name`."""
    return _NAME.fullmatch(text) is not None
