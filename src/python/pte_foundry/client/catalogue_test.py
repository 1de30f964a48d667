from __future__ import annotations

import os
from pathlib import Path

import pytest

from pte_foundry.client.catalogue import Catalogue, open_catalogue
from pte_foundry.client.errors import (
    BadCatalogueError,
    BadLocationError,
    ClientError,
    DownloadError,
    InsecureAddressError,
    NewerSchemaError,
    NoArtifactError,
    WrongContentError,
)
from pte_foundry.client.retrying import Retrying
from pte_foundry.records.json_files import write_json
from pte_foundry.testing.faulty_server import FaultyServer, cut, direct_session, status
from pte_foundry.testing.published_tree import (
    FAMILY,
    LABELS,
    MODEL,
    VERSION,
    program_bytes,
    sample_index,
    write_tree,
)

NAME = f"{MODEL}_xnnpack.pte"
PATH = f"{VERSION}/{FAMILY}/{NAME}"


def opened(tmp_path: Path, location: str | Path, version: str | None = None) -> Catalogue:
    return open_catalogue(
        location,
        version=version,
        cache=tmp_path / "cache",
        session=direct_session(),
        retrying=Retrying(attempts=3, sleep=lambda _: None),
    )


def check(catalogue: Catalogue) -> None:
    """Choose and fetch a program and its labels."""
    artifact = catalogue.best(MODEL, "linux")
    assert artifact.file.name == NAME
    path = catalogue.fetch(artifact)
    assert path.read_bytes() == program_bytes(NAME)
    assert catalogue.store.folder in path.parents
    labels = catalogue.fetch_labels(artifact)
    assert labels is not None
    assert labels.read_bytes() == LABELS


def test_a_folder_a_file_url_and_a_pointer_to_a_release(tmp_path: Path, tree: Path) -> None:
    check(opened(tmp_path, tree))
    check(opened(tmp_path, str(tree)))
    check(opened(tmp_path, tree.as_uri()))
    check(opened(tmp_path, f"file:{tree}"))
    (tmp_path / "current").symlink_to("tree")
    check(opened(tmp_path, tmp_path / "current"))


def test_a_pointer_that_moves_on_does_not_mix_releases(tmp_path: Path, tree: Path) -> None:
    (tmp_path / "current").symlink_to("tree")
    catalogue = opened(tmp_path, tmp_path / "current")
    (tmp_path / "current").unlink()
    (tmp_path / "current").symlink_to("next")
    check(catalogue)


@pytest.mark.parametrize("path", ["/models", "/models/"])
def test_a_web_server(tmp_path: Path, server: FaultyServer, path: str) -> None:
    check(opened(tmp_path, server.url(path)))
    assert [asked.path for asked in server.asked] == [
        "/models/versions.json",
        f"/models/{VERSION}/index.json",
        f"/models/{PATH}",
        f"/models/{VERSION}/{FAMILY}/labels.txt",
    ]
    check(opened(tmp_path, server.url(path)))
    assert len(server.asked_for(f"/models/{PATH}")) == 1


def test_a_server_that_fails_while_the_index_is_read(tmp_path: Path, server: FaultyServer) -> None:
    server.fail("/models/versions.json", status(503), cut(10))
    index = f"/models/{VERSION}/index.json"
    server.fail(index, cut(100))
    check(opened(tmp_path, server.url("/models")))
    assert [each.range for each in server.asked_for(index)] == [None, None]


def test_files_at_the_publishers_own_address(
    tmp_path: Path, tree: Path, server: FaultyServer
) -> None:
    index = sample_index()
    for entry in (*index["models"], *index["labels"]):
        entry["remoteUrl"] = server.url(f"/elsewhere/{entry['name']}")
    server.files["/elsewhere/" + NAME] = program_bytes(NAME)
    server.files["/elsewhere/labels.txt"] = LABELS
    write_json(tree / VERSION / "index.json", index)
    server.files[f"/models/{VERSION}/index.json"] = (tree / VERSION / "index.json").read_bytes()
    check(opened(tmp_path / "a", server.url("/models")))
    assert len(server.asked_for("/elsewhere/" + NAME)) == 1
    # A folder that has the file itself is not asked for more.
    check(opened(tmp_path / "b", tree))
    assert len(server.asked_for("/elsewhere/" + NAME)) == 1
    (tree / PATH).unlink()
    check(opened(tmp_path / "c", tree))
    assert len(server.asked_for("/elsewhere/" + NAME)) == 2


def test_a_model_without_labels(tmp_path: Path) -> None:
    index = sample_index()
    for entry in index["models"]:
        entry["labelsFile"] = None
    catalogue = opened(tmp_path, write_tree(tmp_path / "tree", index))
    assert catalogue.fetch_labels(catalogue.best(MODEL, "linux")) is None


def test_a_file_that_changed_in_the_folder_is_never_returned(tmp_path: Path, tree: Path) -> None:
    catalogue = opened(tmp_path, tree)
    artifact = catalogue.best(MODEL, "linux")
    for content in (b"short", program_bytes(NAME)[:-1] + b"x", program_bytes(NAME) + b"x"):
        (tree / PATH).write_bytes(content)
        with pytest.raises(WrongContentError, match=f"{NAME} is not what the index promises"):
            catalogue.fetch(artifact)
    (tree / PATH).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(WrongContentError, match="git lfs pull"):
        catalogue.fetch(artifact)
    (tree / PATH).unlink()
    with pytest.raises(DownloadError, match="git submodule update --init"):
        catalogue.fetch(artifact)
    (tree / PATH).write_bytes(program_bytes(NAME))
    check(catalogue)


@pytest.mark.parametrize("document", ["versions.json", f"{VERSION}/index.json"])
def test_a_newer_schema_is_refused_with_what_to_upgrade(
    tmp_path: Path, tree: Path, server: FaultyServer, document: str
) -> None:
    (tree / document).write_text('{"schemaVersion": 99, "files": {}}')
    server.files[f"/models/{document}"] = (tree / document).read_bytes()
    for location in (str(tree), server.url("/models")):
        with pytest.raises(NewerSchemaError, match=f"{document} has schema version 99.*Upgrade"):
            opened(tmp_path, location)


@pytest.mark.parametrize("path", ["versions.json", f"{VERSION}/index.json"])
def test_a_folder_without_a_tree_is_refused(tmp_path: Path, tree: Path, path: str) -> None:
    (tree / path).unlink()
    with pytest.raises(BadCatalogueError, match=f"{path} cannot be read .*submodule"):
        opened(tmp_path, tree)


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("http://example.org/models", InsecureAddressError),
        ("https://name:secret@example.org/models", InsecureAddressError),
        ("https://example.org/models?a=1", BadLocationError),
        ("https://example.org/models#a", BadLocationError),
        ("ftp://example.org/models", BadLocationError),
        ("absent/folder", BadLocationError),
        ("a\x00b", BadLocationError),
        ("a" * 5_000, BadLocationError),
        ("file:%00", BadLocationError),
        ("https://[::1", BadLocationError),
        ("file://[::1", BadLocationError),
        ("ftp://name:secret@example.org/x", BadLocationError),
        ("https://name:secret@example.org/x?", InsecureAddressError),
        ("https://a..b/models", InsecureAddressError),
        ("\x1b[2J\u202e", BadLocationError),
    ],
)
def test_an_unusable_location_is_refused(
    tmp_path: Path, location: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        opened(tmp_path, location)
    assert str(caught.value).isprintable()
    assert "secret" not in str(caught.value)


def test_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(BadLocationError, match="cannot be opened"):
        opened(tmp_path, tmp_path / "a")


@pytest.mark.parametrize("document", ["versions.json", f"{VERSION}/index.json", PATH])
def test_a_pipe_or_a_device_in_a_folder_is_not_waited_for(
    tmp_path: Path, tree: Path, document: str
) -> None:
    for device in (None, "/dev/zero"):
        (tree / document).unlink()
        if device is None:
            os.mkfifo(tree / document)
        else:
            (tree / document).symlink_to(device)
        with pytest.raises(ClientError, match="is not a regular file"):
            check(opened(tmp_path, tree))


def test_a_message_is_bounded_and_plain(tmp_path: Path, tree: Path) -> None:
    index = sample_index()
    for entry in index["models"]:
        entry["modelName"] = "\x1b[2J\u202e" + "x" * 100_000
    write_json(tree / VERSION / "index.json", index)
    with pytest.raises(NoArtifactError) as caught:
        opened(tmp_path, tree).best("absent\ud800\x1b", "linux")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 5_000


def test_a_file_url_of_another_machine_is_refused(tmp_path: Path, tree: Path) -> None:
    check(opened(tmp_path, f"file://localhost{tree}"))
    with pytest.raises(BadLocationError, match="names the machine 'other'"):
        opened(tmp_path, f"file://other{tree}")


def test_a_file_instead_of_a_folder_is_refused(tmp_path: Path, tree: Path) -> None:
    with pytest.raises(BadLocationError, match="is not a folder"):
        opened(tmp_path, tree / "index.json")
