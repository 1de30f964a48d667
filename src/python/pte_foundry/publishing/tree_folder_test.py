from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.tree_folder import file_sha256, folder_kinds, read_folder
from pte_foundry.testing.sample_trees import write_tree


def test_the_content_of_a_folder(tmp_path: Path) -> None:
    content = read_folder(write_tree(tmp_path / "tree"), "here", "Do something")
    assert content.sums["1.4.1/toy/alpha_xnnpack.pte"] == hashlib.sha256(b"fast").hexdigest()
    assert content.loose == {"provenance.intoto.json"}
    assert content.read("README.md") == b"Read me.\n"


def test_kinds(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_text("x")
    (tmp_path / "a/folder").symlink_to("b")
    (tmp_path / "dangling").symlink_to("nonesuch")
    os.mkfifo(tmp_path / "pipe")
    assert folder_kinds(tmp_path) == {
        "a/b/file": "file",
        "a/folder": "symlink",
        "dangling": "symlink",
        "pipe": "special file",
    }


def test_a_hash_over_more_than_one_block(tmp_path: Path) -> None:
    content = b"0123456789" * 200_000
    (tmp_path / "x").write_bytes(content)
    assert file_sha256(tmp_path / "x") == hashlib.sha256(content).hexdigest()


def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PteError) as caught:
        read_folder(tmp_path / "nonesuch", "here", "Do something")
    assert str(caught.value) == (
        f"cannot-read: here: {tmp_path}/nonesuch: No such file or directory. Do something"
    )
