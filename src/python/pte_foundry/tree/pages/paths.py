"""Where the pages lie in a tree."""

from __future__ import annotations

from pte_foundry.tree.tree_files import MEASURED, MODEL_PAGES


def page_path(model: str) -> str:
    """Of a model's page."""
    return f"{MODEL_PAGES}/{model}.html"


def picture_path(model: str) -> str:
    """Of the picture of a model's measured errors."""
    return f"{MEASURED}/{model}.svg"
