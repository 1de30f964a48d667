from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pte_foundry.testing.sample_tree import write_sample_tree


@pytest.fixture(scope="session")
def sound_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample_tree(tmp_path_factory.mktemp("sound") / "tree")


@pytest.fixture()
def tree(tmp_path: Path, sound_tree: Path) -> Path:
    """A sound tree to change."""
    return Path(shutil.copytree(sound_tree, tmp_path / "tree"))
