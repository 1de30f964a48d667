"""The templates beside this file."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


def environment() -> Environment:
    """Every value in HTML is escaped; a name that a template misspells is an error.

    Programs (`*.py`, `*.kt`, …) are not escaped here: they get numbers alone, and are escaped as a whole where a
    page shows them.
    """
    return Environment(
        loader=PackageLoader("pte_foundry.tree.pages"),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
