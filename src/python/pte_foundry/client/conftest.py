from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pte_foundry.testing.faulty_server import FaultyServer, serve
from pte_foundry.testing.published_tree import tree_files, write_tree


@pytest.fixture()
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree")


@pytest.fixture()
def server(tree: Path) -> Iterator[FaultyServer]:
    """Serves `tree` below `/models`."""
    with serve(tree_files(tree, "/models")) as running:
        yield running
