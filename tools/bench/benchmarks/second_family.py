"""A small model family that a benchmark adds to its clone."""

from __future__ import annotations

import shutil
from pathlib import Path

from workspace.errors import ToolError

FAMILY = "bench_family"
BUILDER = f"src/python/pte_foundry/models/{FAMILY}.py"
# The smallest builder that the library has: its tests use it.
_TEMPLATE = "src/python/pte_foundry/testing/tiny_builder.py"
# Outside of `models`, because the index and the tree want labels and a licence of every family.
_BUILD = f"""\
model_weights(
    name="{FAMILY}_weights",
    file="{FAMILY}.pth",
    license="CC0-1.0",
)

pte_model(
    name="{FAMILY}",
    builder="{BUILDER}",
    inputs={{"image": "float32[1,3,8,8]"}},
    programs={{"portable": {{}}}},
)
"""


def add_family(root: Path) -> None:
    """Raises ToolError if the library's smallest builder is no longer where it was."""
    template = root / _TEMPLATE
    if not template.is_file():
        raise ToolError(f"{_TEMPLATE} does not exist; name another small builder in this file")
    shutil.copyfile(template, root / BUILDER)
    folder = root / FAMILY
    folder.mkdir()
    (folder / "BUILD").write_text(_BUILD)


def of_family(addresses: tuple[str, ...], family: str) -> tuple[str, ...]:
    """The addresses in the family's folder."""
    return tuple(address for address in addresses if address.startswith(f"{family}:"))
