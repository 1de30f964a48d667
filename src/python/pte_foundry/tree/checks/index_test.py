"""Indexes that do not match a tree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pte_foundry.testing.sample_tree import PORTABLE, XNNPACK, edit_json, found, seal


@pytest.mark.parametrize(
    "change",
    [
        lambda versions: versions.update(latest="1.5.0"),
        lambda versions: versions.update(versions=["1.4.1", "1.5.0"]),
        lambda versions: versions.clear(),
    ],
)
def test_wrong_versions(tree: Path, change: Callable[[Any], None]) -> None:
    edit_json(tree, "versions.json", change)
    assert ("versions.json", "version") in found(tree)


@pytest.mark.parametrize(("name", "text"), [("versions.json", "[]"), ("index.json", "{}")])
def test_a_document_at_the_root_with_other_content(tree: Path, name: str, text: str) -> None:
    (tree / name).write_text(text)
    assert (name, "version") in found(tree)


def test_an_older_version_is_checked_too(tree: Path) -> None:
    (tree / "1.3.0").mkdir()
    (tree / "1.3.0/index.json").write_bytes((tree / "index.json").read_bytes())
    seal(tree)
    defects = found(tree)
    assert ("1.3.0/index.json", "version") in defects
    assert (XNNPACK.replace("1.4.1", "1.3.0"), "missing") in defects


def test_a_folder_that_is_not_a_version(tree: Path) -> None:
    (tree / "latest").mkdir()
    (tree / "latest/index.json").write_bytes((tree / "index.json").read_bytes())
    assert ("latest/index.json", "version") in found(tree)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda index: index["models"][0].pop("platforms"), "schema"),
        (lambda index: index["models"][0].update(size="12"), "schema"),
        (lambda index: index.update(schemaVersion=2), "newer-schema"),
        (lambda index: index.pop("schemaVersion"), "bad-request"),
        (lambda index: index["models"].append(index["models"][0]), "duplicate"),
    ],
)
def test_a_wrong_index(tree: Path, change: Callable[[Any], None], kind: str) -> None:
    edit_json(tree, "1.4.1/index.json", change)
    assert ("1.4.1/index.json", kind) in found(tree)


def rebase(base: str) -> Callable[[Any], None]:
    """The addresses as the writer makes them for this base URL."""

    def change(index: Any) -> None:
        index["baseUrl"] = base
        for entry in (*index["models"], *index["labels"]):
            entry["remoteUrl"] = f"{base}/1.4.1/{entry['category']}/{entry['name']}"
            if entry.get("labelsFile"):
                entry["labelsRemoteUrl"] = f"{base}/1.4.1/{entry['category']}/{entry['labelsFile']}"

    return change


def kinds_of_index(tree: Path, *changes: Callable[[Any], None]) -> set[str]:
    """Of the defects of an index that was changed in both places."""
    for change in changes:
        edit_json(tree, "1.4.1/index.json", change)
    (tree / "index.json").write_bytes((tree / "1.4.1/index.json").read_bytes())
    seal(tree)
    return {kind for path, kind in found(tree) if path == "1.4.1/index.json"}


@pytest.mark.parametrize("base", ["https://example.org/models", "https://example.org:8443"])
def test_addresses_of_the_base_url(tree: Path, base: str) -> None:
    assert "address" not in kinds_of_index(tree, rebase(base))


@pytest.mark.parametrize(
    "base",
    [
        "http://example.org",
        "https://u:p@example.org",
        "file:///srv",
        "https://a..b",
        "https://[::1",
    ],
)
def test_a_base_url_that_no_client_uses(tree: Path, base: str) -> None:
    assert "address" in kinds_of_index(tree, rebase(base))


XNNPACK_NAME = XNNPACK.rpartition("/")[2]


@pytest.mark.parametrize("base", [".", "https://example.org/models"])
@pytest.mark.parametrize(
    "url",
    [
        f"http://evil.example/{XNNPACK}",
        f"https://evil.example/{XNNPACK}",
        f"https://example.org.evil.example/models/{XNNPACK}",
        f"https://example.org@evil.example/models/{XNNPACK}",
        f"https://example.org/models/1.4.0/mobilenet/{XNNPACK_NAME}",
        f"https://example.org/models/../{XNNPACK}",
        f"//evil.example/{XNNPACK}",
        PORTABLE,
    ],
)
def test_an_address_elsewhere(tree: Path, base: str, url: str) -> None:
    def elsewhere(index: Any) -> None:
        (entry,) = (each for each in index["models"] if each["name"] == XNNPACK_NAME)
        entry["remoteUrl"] = url

    changes = (elsewhere,) if base == "." else (rebase(base), elsewhere)
    assert "address" in kinds_of_index(tree, *changes)


@pytest.mark.parametrize("url", ["https://evil.example/1.4.1/mobilenet/labels.txt", None, "x"])
def test_labels_elsewhere(tree: Path, url: str | None) -> None:
    def of_model(index: Any) -> None:
        index["models"][0]["labelsRemoteUrl"] = url

    def of_labels(index: Any) -> None:
        index["labels"][0]["remoteUrl"] = url or "y"

    assert "address" in kinds_of_index(tree, of_model)
    assert "address" in kinds_of_index(tree, of_labels)


def test_what_the_client_refuses_is_not_a_sound_index(tree: Path) -> None:
    def forget_labels(index: Any) -> None:
        index["labels"] = []

    assert "bad-catalogue" in kinds_of_index(tree, forget_labels)


def test_a_size_that_is_not_the_files(tree: Path) -> None:
    edit_json(tree, "1.4.1/index.json", lambda index: index["models"][0].update(size=7))
    assert (PORTABLE, "size") in found(tree)


def test_an_index_that_lists_a_path_outside(tree: Path) -> None:
    edit_json(tree, "1.4.1/index.json", lambda index: index["models"][0].update(category="../.."))
    outside = "1.4.1/../../mobilenet_v3_small_portable.pte"
    assert {(outside, "name"), (outside, "missing"), (PORTABLE, "unlisted")} <= found(tree)


def test_a_program_that_no_index_lists(tree: Path) -> None:
    """Even if the sums were rewritten."""
    path = "1.4.1/mobilenet/x.pte"
    (tree / path).write_text("extra")
    seal(tree)
    assert {(path, "unlisted"), (path, "part")} <= found(tree)
    (tree / "other").mkdir()
    (tree / "other/y.pte").write_text("extra")
    assert ("other/y.pte", "unlisted") in found(tree)


def test_a_missing_model_card(tree: Path) -> None:
    card = "1.4.1/mobilenet/README.md"
    (tree / card).unlink()
    seal(tree)
    assert (card, "missing") in found(tree)
