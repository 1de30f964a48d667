from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.merging import make_release
from pte_foundry.publishing.release import release_name
from pte_foundry.publishing.tree_content import TreeContent
from pte_foundry.testing.sample_trees import read_tree, write_tree


def test_alone_a_release_is_the_tree(tmp_path: Path) -> None:
    new = read_tree(write_tree(tmp_path / "new"))
    release = make_release(new, None)
    assert release.sums == new.sums
    assert release.texts == {"SHA256SUMS": new.sums_bytes}
    assert release.kept == frozenset()
    assert release.copied == new.sums.keys() | {"provenance.intoto.json"}
    assert release.name == release_name("1.4.1", new.sums)


def test_nothing_old_stays_of_the_same_version(tmp_path: Path) -> None:
    old = read_tree(write_tree(tmp_path / "old", {"alpha_xnnpack": b"x", "beta_mps": b"m"}))
    new = read_tree(write_tree(tmp_path / "new", {"alpha_xnnpack": b"x"}))
    release = make_release(new, old)
    assert release.sums == new.sums
    assert "1.4.1/toy/alpha_xnnpack.pte" in release.kept
    assert "index.json" in release.copied


def test_the_provenance_statement_keeps_the_subjects_that_still_apply(tmp_path: Path) -> None:
    old = read_tree(write_tree(tmp_path / "old", version="1.4.0", commit="0a"))
    new = read_tree(write_tree(tmp_path / "new", version="1.4.1", commit="0b"))
    release = make_release(new, old)
    statement = json.loads(release.texts["provenance.intoto.json"])
    subjects = {each["name"]: each["digest"]["sha256"] for each in statement["subject"]}
    assert statement["predicate"] == {"commit": "0b"}
    assert subjects == {p: s for p, s in new.sums.items() if p != "versions.json"}


PICTURE = "measured/toy.svg"


def test_what_was_measured_changes_no_name_and_goes_with_the_latest_version(tmp_path: Path) -> None:
    new = read_tree(write_tree(tmp_path / "new", version="1.4.1", measured="new"))
    other = read_tree(write_tree(tmp_path / "other", version="1.4.1", measured="other"))
    alone = make_release(new, None)
    assert PICTURE in alone.copied and alone.name == make_release(other, None).name
    old = read_tree(write_tree(tmp_path / "old", version="1.4.0", measured="old"))
    newer = make_release(new, old)
    assert PICTURE in newer.copied - newer.kept
    subjects = json.loads(newer.texts["provenance.intoto.json"])["subject"]
    assert [each["digest"]["sha256"] for each in subjects if each["name"] == PICTURE] == [
        hashlib.sha256(b"new").hexdigest()
    ]
    older = make_release(old, new)
    assert PICTURE in older.kept - older.copied
    assert PICTURE not in str(older.texts["provenance.intoto.json"])


def test_an_older_version_leaves_the_root_to_the_latest(tmp_path: Path) -> None:
    old = read_tree(write_tree(tmp_path / "old", version="1.10.0", readme="1.10"))
    new = read_tree(write_tree(tmp_path / "new", version="1.9.0", readme="1.9"))
    release = make_release(new, old)
    assert release.name.startswith("v1.10.0-")
    assert {"README.md", "index.json", "1.10.0/index.json"} <= release.kept
    assert "1.9.0/index.json" in release.copied
    assert json.loads(release.texts["versions.json"])["versions"] == ["1.9.0", "1.10.0"]


def test_the_licences_of_all_versions_are_there(tmp_path: Path) -> None:
    old = read_tree(write_tree(tmp_path / "old", version="1.4.0", license_id="Zlib"))
    new = read_tree(write_tree(tmp_path / "new", version="1.4.1", license_id="MIT"))
    licenses = {"LICENSES/MIT.txt", "LICENSES/Zlib.txt"}
    assert licenses <= make_release(new, old).paths
    # Without an older version only what the tree needs itself.
    assert make_release(new, None).paths & licenses == {"LICENSES/MIT.txt"}


def test_a_version_of_both_trees_comes_from_the_new_one_beside_a_third(tmp_path: Path) -> None:
    first = write_tree(tmp_path / "published", {"alpha_mps": b"m"}, version="1.9.0")
    release = make_release(
        read_tree(write_tree(tmp_path / "new", {"alpha_xnnpack": b"x"}, version="1.9.0")),
        _with_version(first, tmp_path, "1.10.0"),
    )
    assert "1.9.0/toy/alpha_xnnpack.pte" in release.sums
    assert "1.9.0/toy/alpha_mps.pte" not in release.sums
    assert "1.10.0/index.json" in release.sums


def _with_version(folder: Path, scratch: Path, version: str) -> TreeContent:
    other = write_tree(scratch / "other", version=version)
    (other / version).rename(folder / version)
    (other / "index.json").replace(folder / "index.json")
    paths = sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("SHA256SUMS", "provenance.intoto.json")
    )
    lines = (
        f"{hashlib.sha256((folder / path).read_bytes()).hexdigest()}  {path}\n" for path in paths
    )
    (folder / "SHA256SUMS").write_text("".join(lines))
    return read_tree(folder)


def test_a_signed_tree_is_not_merged(tmp_path: Path) -> None:
    old = read_tree(write_tree(tmp_path / "old", version="1.4.0"))
    tree = write_tree(tmp_path / "new", version="1.4.1")
    (tree / "tree.sig").write_text("{}")
    new = read_tree(tree)
    assert "tree.sig" in make_release(new, None).copied
    with pytest.raises(PteError, match="1.4.0, which the signature does not cover"):
        make_release(new, old)
