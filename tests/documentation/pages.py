"""The pages that people read. Tests run at the top of a copy of the repository."""

from __future__ import annotations

from pathlib import Path


def pages() -> list[Path]:
    """All Markdown of the repository, relative to its top, sorted."""
    patterns = ("*.md", ".github/*.md", "docs/*.md", "models/*/*.md")
    return sorted(page for pattern in patterns for page in Path().glob(pattern))
