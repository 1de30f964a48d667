"""Names of the files of a tree (standard library only)."""

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

    It leaves out the commit that a tree was built from, its signature, and measurements, whose last bits depend on the
    CPU: none of them changes what the tree holds. So trees of the same artifacts have the same SHA256SUMS,
    whatever commit and machine built them.
    """
    return path not in _UNCOVERED and not is_measured(path)


def is_measured(path: str) -> bool:
    """Whether it is a picture of what a validation measured; a tree has no other files in that folder."""
    folder, _, name = path.partition("/")
    return folder == MEASURED and name.endswith(".svg") and "/" not in name


def page_path(model: str) -> str:
    """Where a model's page is."""
    return f"{MODEL_PAGES}/{model}.html"


def picture_path(model: str) -> str:
    """Where the picture of a model's measured errors is."""
    return f"{MEASURED}/{model}.svg"
