"""Each thing that can be wrong with a tree, done to a sound one."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pte_foundry.errors import PteError
from pte_foundry.testing.sample_tree import write_sample_tree
from pte_foundry.tree.checks.verify import verify_tree

XNNPACK = "1.4.1/mobilenet/mobilenet_v3_small_xnnpack.pte"
PORTABLE = "1.4.1/mobilenet/mobilenet_v3_small_portable.pte"
SUMS, STATEMENT, BOM = "SHA256SUMS", "provenance.intoto.json", "bom.cdx.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample_tree(tmp_path_factory.mktemp("made") / "tree")


@pytest.fixture()
def tree(tmp_path: Path, made: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "tree"))


def found(tree: Path) -> set[tuple[str, str]]:
    """Path and kind of each defect."""
    return {(defect.path, defect.kind) for defect in verify_tree(tree)}


def seal(tree: Path) -> None:
    """SHA256SUMS as somebody would write it anew after a change."""
    paths = sorted(
        str(path.relative_to(tree))
        for path in tree.rglob("*")
        if path.is_file() and not path.is_symlink() and path.name not in (SUMS, STATEMENT)
    )
    lines = [
        f"{hashlib.sha256((tree / path).read_bytes()).hexdigest()}  {path}\n" for path in paths
    ]
    (tree / SUMS).write_text("".join(lines))


def edit(tree: Path, name: str, change: Callable[[Any], None]) -> None:
    """Change a JSON document in place."""
    document = json.loads((tree / name).read_text())
    change(document)
    (tree / name).write_text(json.dumps(document))


def test_a_sound_tree(tree: Path) -> None:
    assert verify_tree(tree) == ()


def test_a_checkout_has_files_of_git(tree: Path) -> None:
    (tree / ".git").write_text("gitdir: ../.git/modules/tree")
    (tree / ".gitattributes").write_text("*.pte filter=lfs")
    assert verify_tree(tree) == ()
    (tree / "1.4.1/.git").write_text("hidden")
    assert ("1.4.1/.git", "extra") in found(tree)


def test_a_changed_file(tree: Path) -> None:
    (tree / XNNPACK).write_bytes(b"other program")
    assert found(tree) == {(XNNPACK, "hash"), (XNNPACK, "subject"), (XNNPACK, "part")}


def test_a_changed_file_of_which_the_sums_know(tree: Path) -> None:
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


def test_the_statement_vouches_for_what_was_measured(tree: Path) -> None:
    picture = "measured/mobilenet_v3_small.svg"
    (tree / picture).write_text("<svg/>")
    (tree / "measured/other.svg").write_text("<svg/>")
    (tree / "measured/other.html").write_text("extra")
    expected = {(picture, "subject"), ("measured/other.svg", "subject")}
    assert found(tree) == {
        *expected,
        ("measured/other.html", "extra"),
        ("measured/other.html", "subject"),
    }


def test_a_program_that_no_index_lists(tree: Path) -> None:
    """Even if the sums were written anew."""
    path = "1.4.1/mobilenet/x.pte"
    (tree / path).write_text("extra")
    seal(tree)
    assert {(path, "unlisted"), (path, "part")} <= found(tree)
    (tree / "other").mkdir()
    (tree / "other/y.pte").write_text("extra")
    assert ("other/y.pte", "unlisted") in found(tree)


@pytest.mark.parametrize("target", ["/etc/passwd", "mobilenet_v3_small_portable.pte", "nowhere"])
def test_a_file_that_is_replaced_by_a_link(tree: Path, target: str) -> None:
    (tree / XNNPACK).unlink()
    (tree / XNNPACK).symlink_to(target)
    assert found(tree) == {(XNNPACK, "link"), (XNNPACK, "missing"), (XNNPACK, "subject")}


def test_a_folder_that_is_replaced_by_a_link(tree: Path, tmp_path: Path) -> None:
    """What it points to is not read, although it has all the right files."""
    (tree / "1.4.1").rename(tmp_path / "elsewhere")
    (tree / "1.4.1").symlink_to(tmp_path / "elsewhere")
    assert {("1.4.1", "link"), (XNNPACK, "missing")} <= found(tree)


def test_a_tree_that_is_a_link_itself(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tree)
    with pytest.raises(PteError, match="is no folder"):
        verify_tree(tmp_path / "link")


def test_a_special_file(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    assert ("pipe", "special") in found(tree)


WINDOWS = ["CON", "nul.txt", "LICENSES/aux.txt", "LICENSES/COM1", "a.", "a./b", "a ", "x" * 255]


@pytest.mark.parametrize("name", WINDOWS)
def test_a_name_that_windows_cannot_store(tree: Path, name: str) -> None:
    """Even if the sums were written anew."""
    (tree / name).parent.mkdir(exist_ok=True)
    (tree / name).write_text("x")
    seal(tree)
    assert (name, "name") in found(tree)


@pytest.mark.parametrize(
    "name", ["a\\b.txt", "e\u0301.txt", "\u00e9.txt", "a b.txt", ".hidden", "-rf", "a\nb"]
)
def test_a_name_that_some_system_reads_differently(tree: Path, name: str) -> None:
    (tree / name).write_text("x")
    assert (name, "name") in found(tree)


def test_an_empty_folder(tree: Path) -> None:
    (tree / "empty").mkdir()
    assert found(tree) == {("empty", "empty")}


def test_names_that_are_one_where_case_is_ignored(tree: Path) -> None:
    (tree / "readme.md").write_text("x")
    assert ("readme.md", "case") in found(tree)


def test_folders_that_are_one_where_case_is_ignored(tree: Path) -> None:
    (tree / "licenses").mkdir()
    (tree / "licenses/x").write_text("x")
    seal(tree)
    assert ("licenses", "case") in found(tree)


def test_folders_that_are_one_in_the_sums(tree: Path) -> None:
    with (tree / SUMS).open("a") as sums:
        sums.write(f"{'0' * 64}  licenses/x\n")
    assert ("licenses", "case") in found(tree)


def nested(root: Path, name: str, levels: int) -> None:
    """Folders deeper than a path can name."""
    folder = os.open(root, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)


@pytest.mark.parametrize(("name", "levels"), [("d" * 120, 40), ("d", 1_200)])
def test_folders_without_end(tree: Path, name: str, levels: int) -> None:
    nested(tree, name, levels)
    try:
        kinds = {kind for path, kind in found(tree) if path.startswith("d")}
    finally:
        subprocess.run(["rm", "-r", tree / name], check=True)  # Deeper than Python can remove.
    assert kinds == {"name"}


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Root reads everything, by two capabilities; without them it is held to the modes of its own files."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("Ii", 0x20080522, 0)  # linux/capability.h, version 3, this thread
    before = ctypes.create_string_buffer(24)
    assert libc.capget(header, before) == 0
    effective, *others = struct.unpack("6I", before.raw)
    # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
    assert libc.capset(header, struct.pack("6I", effective & ~0b110, *others)) == 0
    try:
        yield
    finally:
        assert libc.capset(header, before.raw) == 0


@pytest.mark.parametrize("path", [".", "LICENSES", "1.4.1/mobilenet"])
@pytest.mark.parametrize("mode", [0o000, 0o444, 0o111])
def test_a_folder_that_cannot_be_read(tree: Path, path: str, mode: int) -> None:
    (tree / path).chmod(mode)
    try:
        with as_ordinary_user():
            defects = found(tree)
    finally:
        (tree / path).chmod(0o755)
    assert "unreadable" in {kind for _, kind in defects}


@pytest.mark.parametrize(
    "path", [XNNPACK, SUMS, "versions.json", "1.4.1/index.json", STATEMENT, BOM]
)
def test_a_file_that_cannot_be_read(tree: Path, path: str) -> None:
    (tree / path).chmod(0)
    with as_ordinary_user():
        assert (path, "unreadable") in found(tree)


def test_a_tree_in_a_folder_that_cannot_be_read(tree: Path) -> None:
    tree.parent.chmod(0)
    try:
        with as_ordinary_user(), pytest.raises(PteError, match="no folder that can be read"):
            verify_tree(tree)
    finally:
        tree.parent.chmod(0o755)


@pytest.mark.parametrize("name", ["a" * 300, "a\x00b", "a/" * 3_000])
def test_a_path_that_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(PteError, match="is no folder"):
        verify_tree(tmp_path / name)


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a\\b", "a//b", "C:/x", "e\u0301"])
def test_a_path_in_the_sums_that_leaves_the_tree(tree: Path, path: str) -> None:
    with (tree / SUMS).open("a") as sums:
        sums.write(f"{'0' * 64}  {path}\n")
    assert {(path, "name"), (path, "missing")} <= found(tree)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("not a line\n", "is not `<64 hexadecimal digits>  <path>`"),
        (f"{'0' * 64} *binary\n", "is not `<64"),
        (f"{'A' * 64}  upper\n", "is not `<64"),
        (f"{'0' * 64}  zzz", "does not end with a line break"),
        (f"{'0' * 64}  zzz\n{'1' * 64}  zzz\n", "lists 'zzz' a second time"),
        (f"{'0' * 64}  AAA\n", "not sorted by path"),
        (f"{'0' * 64}  {SUMS}\n", f"lists {SUMS}, which it does not cover"),
    ],
)
def test_sums_that_are_no_sums(tree: Path, line: str, told: str) -> None:
    with (tree / SUMS).open("a") as sums:
        sums.write(line)
    assert any(told in defect.what for defect in verify_tree(tree) if defect.path == SUMS)


def test_case_collisions_in_the_sums(tree: Path) -> None:
    with (tree / SUMS).open("a") as sums:
        sums.write(f"{'0' * 64}  versions.JSON\n")
    assert ("versions.json", "case") in found(tree)


@pytest.mark.parametrize(
    "name", [SUMS, "versions.json", "index.json", STATEMENT, BOM, "LICENSES/BSD-3-Clause.txt"]
)
def test_an_own_file_that_is_missing(tree: Path, name: str) -> None:
    (tree / name).unlink()
    assert (name, "missing") in found(tree)


def test_a_missing_model_card(tree: Path) -> None:
    card = "1.4.1/mobilenet/README.md"
    (tree / card).unlink()
    seal(tree)
    assert (card, "missing") in found(tree)


@pytest.mark.parametrize(
    "change",
    [
        lambda versions: versions.update(latest="1.5.0"),
        lambda versions: versions.update(versions=["1.4.1", "1.5.0"]),
        lambda versions: versions.clear(),
    ],
)
def test_wrong_versions(tree: Path, change: Callable[[Any], None]) -> None:
    edit(tree, "versions.json", change)
    assert ("versions.json", "version") in found(tree)


def test_versions_that_are_no_json(tree: Path) -> None:
    (tree / "versions.json").write_text("[]")
    assert ("versions.json", "version") in found(tree)


def test_a_root_index_of_another_version(tree: Path) -> None:
    (tree / "index.json").write_text("{}")
    assert ("index.json", "version") in found(tree)


def test_an_older_version_is_checked_too(tree: Path) -> None:
    (tree / "1.3.0").mkdir()
    (tree / "1.3.0/index.json").write_bytes((tree / "index.json").read_bytes())
    seal(tree)
    defects = found(tree)
    assert ("1.3.0/index.json", "version") in defects
    assert (XNNPACK.replace("1.4.1", "1.3.0"), "missing") in defects


def test_a_folder_that_is_no_version(tree: Path) -> None:
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
    edit(tree, "1.4.1/index.json", change)
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
    """Of the defects of an index that was changed wherever it lies."""
    for change in changes:
        edit(tree, "1.4.1/index.json", change)
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


def test_what_the_client_refuses_is_no_sound_index(tree: Path) -> None:
    def forget_labels(index: Any) -> None:
        index["labels"] = []

    assert "bad-catalogue" in kinds_of_index(tree, forget_labels)


def test_a_size_that_is_not_the_files(tree: Path) -> None:
    edit(tree, "1.4.1/index.json", lambda index: index["models"][0].update(size=7))
    assert (PORTABLE, "size") in found(tree)


def test_an_index_that_lists_a_path_outside(tree: Path) -> None:
    edit(tree, "1.4.1/index.json", lambda index: index["models"][0].update(category="../.."))
    outside = "1.4.1/../../mobilenet_v3_small_portable.pte"
    assert {(outside, "name"), (outside, "missing"), (PORTABLE, "unlisted")} <= found(tree)


@pytest.mark.parametrize(
    "change",
    [
        lambda statement: statement["subject"][0]["digest"].update(sha256="0" * 64),
        lambda statement: statement["subject"].pop(0),
        lambda statement: statement["subject"].append(
            {"name": "1.4.1/index.jso", "digest": {"sha256": "0" * 64}}
        ),
    ],
)
def test_a_statement_about_other_files(tree: Path, change: Callable[[Any], None]) -> None:
    edit(tree, STATEMENT, change)
    assert {kind for _, kind in found(tree)} == {"subject"}


@pytest.mark.parametrize(
    "change",
    [
        lambda statement: statement.update(_type="https://in-toto.io/Statement/v0.1"),
        lambda statement: statement.update(predicateType="https://example.org"),
        lambda statement: statement["predicate"].update(buildType=1),
        lambda statement: statement.update(predicate=[]),
        lambda statement: statement.update(subject=[]),
        lambda statement: statement.clear(),
    ],
)
def test_a_statement_that_is_none(tree: Path, change: Callable[[Any], None]) -> None:
    edit(tree, STATEMENT, change)
    assert (STATEMENT, "schema") in found(tree)


def test_a_bill_of_materials_with_another_hash_or_without_a_program(tree: Path) -> None:
    def change(bom: Any) -> None:
        (xnnpack,) = (each for each in bom["components"] if each["bom-ref"] == XNNPACK)
        xnnpack["hashes"][0]["content"] = "0" * 64

    edit(tree, BOM, change)
    assert (XNNPACK, "part") in found(tree)


@pytest.mark.parametrize(
    "text", ["{", "{}", '{"bomFormat": "CycloneDX", "specVersion": "1.6", "x": 1}']
)
def test_a_bill_of_materials_that_is_none(tree: Path, text: str) -> None:
    (tree / BOM).write_text(text)
    assert (BOM, "schema") in found(tree)


def test_everything_is_told_and_sorted(tree: Path) -> None:
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
    edit(tree, "versions.json", lambda versions: versions.update(latest=text))
    edit(tree, STATEMENT, lambda statement: statement.update(predicateType=text))
    edit(tree, BOM, lambda bom: bom.update({text: text}))
    edit(tree, "1.4.1/index.json", lambda index: index["models"][0].update(license=text, name=text))
    for defect in verify_tree(tree):
        assert str(defect).isprintable()
        assert len(str(defect)) < 1_500


DEEP = b'{"a":' * 300 + b"1" + b"}" * 300


@pytest.mark.parametrize("path", ["versions.json", "1.4.1/index.json", STATEMENT, BOM, SUMS])
@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"[]", b"[" * 100_000, b'{"x":' + b"9" * 5_000 + b"}", b'{"x": 1e999}', DEEP]
    + [b'{"x": "\\ud800"}', b'{"schemaVersion":' + b"9" * 4_000 + b"}", b'{"components": {}}'],
)
def test_a_document_that_is_none(tree: Path, path: str, content: bytes) -> None:
    (tree / path).write_bytes(content)
    assert path in {path for path, _ in found(tree)}


@pytest.mark.parametrize("path", ["1.4.1/index.json", STATEMENT, BOM])
@pytest.mark.parametrize("levels", [90, 400, 900])
def test_a_value_that_is_nested_too_deeply(tree: Path, path: str, levels: int) -> None:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value} if levels % 2 else [value]

    def bury(document: Any) -> None:
        document["predicate" if path == STATEMENT else "version"] = value
        document["added"] = value

    edit(tree, path, bury)
    assert path in {path for path, _ in found(tree)}


def test_no_tree(tmp_path: Path) -> None:
    with pytest.raises(PteError, match="is no folder"):
        verify_tree(tmp_path / "nowhere")


def test_an_empty_folder_is_no_sound_tree(tmp_path: Path) -> None:
    assert {(SUMS, "missing"), ("index.json", "missing")} <= found(tmp_path)
