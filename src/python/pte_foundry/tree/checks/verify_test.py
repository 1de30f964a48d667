"""What verify_tree reports about a tree that was changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pte_foundry.errors import PteError
from pte_foundry.testing.sample_tree import PORTABLE, XNNPACK, edit_json, found, seal
from pte_foundry.tree.checks.verify import verify_tree
from pte_foundry.tree.tree_files import BILL_OF_MATERIALS, PROVENANCE, SUMS


def test_a_sound_tree(tree: Path) -> None:
    assert verify_tree(tree) == ()


def test_a_changed_file(tree: Path) -> None:
    (tree / XNNPACK).write_bytes(b"other program")
    assert found(tree) == {(XNNPACK, "hash"), (XNNPACK, "subject"), (XNNPACK, "part")}


def test_a_changed_file_that_the_sums_know(tree: Path) -> None:
    (tree / XNNPACK).write_bytes(b"other program")
    seal(tree)
    told = [str(defect) for defect in verify_tree(tree) if defect.kind == "hash"]
    assert len(told) == 1
    assert "1.4.1/index.json says" in told[0]
    assert (SUMS, "subject") in found(tree)


@pytest.mark.parametrize("path", ["README.md", "LICENSES/BSD-3-Clause.txt"])
def test_a_changed_file_that_no_index_lists(tree: Path, path: str) -> None:
    (tree / path).write_text("other terms")
    assert (path, "hash") in found(tree)


def test_a_missing_file(tree: Path) -> None:
    (tree / XNNPACK).unlink()
    assert found(tree) == {(XNNPACK, "missing"), (XNNPACK, "subject")}


@pytest.mark.parametrize("path", ["1.4.1/mobilenet/x.pte", "notes.txt"])
def test_an_extra_file(tree: Path, path: str) -> None:
    (tree / path).write_text("extra")
    assert {(path, "extra"), (path, "subject")} <= found(tree)


def test_a_tree_that_is_a_link_itself(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tree)
    with pytest.raises(PteError, match="is not a readable folder"):
        verify_tree(tmp_path / "link")


@pytest.mark.parametrize("name", ["nowhere", "a" * 300, "a\x00b", "a/" * 3_000])
def test_an_impossible_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(PteError, match="is not a readable folder"):
        verify_tree(tmp_path / name)


@pytest.mark.parametrize(
    "name",
    [
        SUMS,
        "versions.json",
        "index.json",
        PROVENANCE,
        BILL_OF_MATERIALS,
        "LICENSES/BSD-3-Clause.txt",
    ],
)
def test_a_missing_file_of_the_tree_writer(tree: Path, name: str) -> None:
    (tree / name).unlink()
    assert (name, "missing") in found(tree)


def test_all_defects_are_reported_sorted(tree: Path) -> None:
    (tree / XNNPACK).write_bytes(b"other program")
    (tree / PORTABLE).unlink()
    (tree / "extra.txt").write_text("extra")
    defects = verify_tree(tree)
    assert list(defects) == sorted(defects)
    assert {XNNPACK, PORTABLE, "extra.txt"} == {defect.path for defect in defects}


@pytest.mark.parametrize(
    "text", ["a\x1b[2Jb", "\u202etxt.exe", "\u2028", "\x9b2J", "x" * 1_000_000]
)
def test_nothing_from_outside_steers_a_terminal_or_fills_it(tree: Path, text: str) -> None:
    if len(text) < 200:
        (tree / text).write_text("x")
    with (tree / SUMS).open("a") as sums:
        sums.write(f"{'0' * 64}  {text}\n{text}\n")
    edit_json(tree, "versions.json", lambda versions: versions.update(latest=text))
    edit_json(tree, PROVENANCE, lambda statement: statement.update(predicateType=text))
    edit_json(tree, BILL_OF_MATERIALS, lambda bom: bom.update({text: text}))
    edit_json(
        tree, "1.4.1/index.json", lambda index: index["models"][0].update(license=text, name=text)
    )
    for defect in verify_tree(tree):
        assert str(defect).isprintable()
        assert len(str(defect)) < 1_500


DEEP = b'{"a":' * 300 + b"1" + b"}" * 300


@pytest.mark.parametrize(
    "path", ["versions.json", "1.4.1/index.json", PROVENANCE, BILL_OF_MATERIALS, SUMS]
)
@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"[]", b"[" * 100_000, b'{"x":' + b"9" * 5_000 + b"}", b'{"x": 1e999}', DEEP]
    + [b'{"x": "\\ud800"}', b'{"schemaVersion":' + b"9" * 4_000 + b"}", b'{"components": {}}'],
)
def test_a_malformed_document(tree: Path, path: str, content: bytes) -> None:
    (tree / path).write_bytes(content)
    assert path in {path for path, _ in found(tree)}


@pytest.mark.parametrize("path", ["1.4.1/index.json", PROVENANCE, BILL_OF_MATERIALS])
@pytest.mark.parametrize("levels", [90, 400, 900])
def test_a_value_that_is_nested_too_deeply(tree: Path, path: str, levels: int) -> None:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value} if levels % 2 else [value]

    def bury(document: Any) -> None:
        document["predicate" if path == PROVENANCE else "version"] = value
        document["added"] = value

    edit_json(tree, path, bury)
    assert path in {path for path, _ in found(tree)}


def test_an_empty_folder_is_not_a_sound_tree(tmp_path: Path) -> None:
    assert {(SUMS, "missing"), ("index.json", "missing")} <= found(tmp_path)
