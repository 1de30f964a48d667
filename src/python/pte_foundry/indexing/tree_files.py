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

UNCOVERED = frozenset({PROVENANCE, SIGNATURE, SUMS})
"""SHA256SUMS lists all other files.

They say from which commit a tree was built and who signed it: neither changes what it holds. So trees of the same
artifacts have the same SHA256SUMS, whatever commit built them.
"""
