"""What the files of a tree are called (standard library only)."""

from __future__ import annotations

INDEX = "index.json"
VERSIONS = "versions.json"
SUMS = "SHA256SUMS"
README = "README.md"
SCHEMA = "index.schema.json"
BILL_OF_MATERIALS = "bom.cdx.json"
PROVENANCE = "provenance.intoto.json"
SIGNATURE = "tree.sig"
LICENSES = "LICENSES"
"""Folder of the licences' texts."""
MODEL_CARD = "README.md"
"""In a family's folder."""

CATALOGUE = "index.html"
"""The page with all programs."""
MODEL_PAGES = "models"
"""Folder of the pages of single models."""
MEASURED = "measured"
"""Folder of pictures of what validations measured."""

_UNCOVERED = frozenset({PROVENANCE, SIGNATURE, SUMS})


def is_covered(path: str) -> bool:
    """Whether SHA256SUMS lists this file of a tree.

    It does not list what says from which commit a tree was built, who signed it, and what was measured, which depends
    on the last bits of a CPU: none of them changes what the tree holds. So trees of the same artifacts have the same
    SHA256SUMS, whatever commit and whichever machine built them.
    """
    return path not in _UNCOVERED and not is_measured(path)


def is_measured(path: str) -> bool:
    """Whether it is a picture of what a validation measured; any other file in that folder is none of a tree."""
    folder, _, name = path.partition("/")
    return folder == MEASURED and name.endswith(".svg") and "/" not in name
