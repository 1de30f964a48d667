from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.changes import artifacts, find_changes
from pte_foundry.testing.sample_trees import read_tree, write_tree


def test_a_first_tree_adds_everything(tmp_path: Path) -> None:
    changes = find_changes(read_tree(write_tree(tmp_path / "new")), None)
    assert [change.name for change in changes.added] == [
        "1.4.1/toy/labels.txt",
        "models/toy:alpha_portable",
        "models/toy:alpha_xnnpack",
    ]
    assert changes.summary == "3 added, 0 changed, 0 removed"


def test_changes_within_a_version(tmp_path: Path) -> None:
    old = write_tree(tmp_path / "old", {"a_mps": b"1", "b_mps": b"2", "c_mps": b"3"}, labels=b"x")
    new = write_tree(tmp_path / "new", {"a_mps": b"1", "b_mps": b"4", "d_mps": b"3"}, labels=b"y")
    changes = find_changes(read_tree(new), read_tree(old))
    assert [change.name for change in changes.added] == ["models/toy:d_mps"]
    assert [change.name for change in changes.removed] == ["models/toy:c_mps"]
    labels, program = changes.changed
    assert labels.name == "1.4.1/toy/labels.txt"
    assert program.name == "models/toy:b_mps"
    assert program.old is not None
    assert program.new is not None
    assert program.old.sha256 == hashlib.sha256(b"2").hexdigest()
    assert program.new.sha256 == hashlib.sha256(b"4").hexdigest()


def test_another_version_does_not_change_the_old_one(tmp_path: Path) -> None:
    old = read_tree(write_tree(tmp_path / "old", version="1.4.0"))
    new = read_tree(write_tree(tmp_path / "new", {"a_mps": b"1"}, version="1.4.1"))
    changes = find_changes(new, old)
    assert changes.summary == "2 added, 0 changed, 0 removed"
    assert {change.version for change in changes.added} == {"1.4.1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "is not JSON"),
        ("[]", "does not hold an object"),
        ("{}", "`models` is missing"),
        (
            '{"models": [], "labels": [{"name": "x", "category": "toy", "hash": "'
            + "0" * 64
            + '"}]}',
            "but the tree has no such file",
        ),
    ],
)
def test_a_malformed_index(tmp_path: Path, text: str, expected: str) -> None:
    folder = write_tree(tmp_path / "tree")
    tree = read_tree(folder)
    (folder / "1.4.1/index.json").write_text(text)
    with pytest.raises(PteError, match=expected):
        artifacts(tree, "1.4.1")
