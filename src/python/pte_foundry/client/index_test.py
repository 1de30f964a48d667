from __future__ import annotations

import json
from typing import Any

import pytest

from pte_foundry.client.errors import BadCatalogueError, NoArtifactError
from pte_foundry.client.index import (
    SCHEMA_VERSION,
    choose_version,
    index_path,
    parse_document,
    read_index,
)
from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.published_tree import FAMILY, LABELS, MODEL, VERSION, sample_index


def versions(**changes: object) -> Fields:
    value = {"versions": ["1.4.1", "1.9.0", "1.10.0"], "latest": "1.10.0", **changes}
    return Fields(value, "versions.json")


def test_the_latest_version_is_taken_unless_another_is_wanted() -> None:
    assert choose_version(versions(), None) == "1.10.0"
    assert choose_version(versions(), "1.9.0") == "1.9.0"
    with pytest.raises(NoArtifactError, match=r"nothing for ExecuTorch 1.5.0, only for 1.4.1, 1.9"):
        choose_version(versions(), "1.5.0")


@pytest.mark.parametrize(
    "changes", [{"latest": "2.0"}, {"versions": ["../x"], "latest": "../x"}, {"versions": {}}]
)
def test_a_bad_versions_file_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadCatalogueError):
        choose_version(versions(**changes), None)


def test_an_index_can_be_elsewhere() -> None:
    values: dict[str, object] = {"versions": ["1.4.1", "1.5.1"], "latest": "1.5.1"}
    assert index_path(Fields(values, "versions.json"), "1.5.1") == "1.5.1/index.json"
    values["indexes"] = {"1.5.1": "1.5.1--index.json"}
    assert index_path(Fields(values, "versions.json"), "1.5.1") == "1.5.1--index.json"


@pytest.mark.parametrize(
    "indexes", ["x", {}, {"1.5.1": 3}, {"1.5.1": "../index.json"}, {"1.5.1": "https://x/i.json"}]
)
def test_a_bad_place_of_an_index_is_refused(indexes: object) -> None:
    with pytest.raises(BadCatalogueError, match="versions.json"):
        index_path(Fields({"indexes": indexes}, "versions.json"), "1.5.1")


def test_an_artifact_has_what_an_app_needs() -> None:
    index = read_index(Fields(sample_index(), "index.json"), VERSION)
    artifact = next(each for each in index.artifacts if each.precision == "int8")
    assert (artifact.model, artifact.model_name) == (MODEL, f"{MODEL}_int8")
    assert (artifact.backend, artifact.weights_source) == ("xnnpack", "official")
    assert artifact.license == "BSD-3-Clause"
    assert artifact.file.path == f"{VERSION}/{FAMILY}/{MODEL}_int8_xnnpack.pte"
    assert artifact.file.url is None
    assert artifact.labels is not None
    assert artifact.labels.content.size == len(LABELS)
    assert artifact.entry["inputs"]


def test_an_address_of_the_publisher_is_kept() -> None:
    value = sample_index()
    value["models"][0]["remoteUrl"] = "https://files.example.org/a.pte?download=true"
    index = read_index(Fields(value, "index.json"), VERSION)
    assert index.artifacts[0].file.url == "https://files.example.org/a.pte?download=true"


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("name", "../a.pte"),
        ("name", "/etc/passwd"),
        ("name", "a/b.pte"),
        ("name", "a\\b.pte"),
        ("name", ".."),
        ("name", "a\x00.pte"),
        ("category", ".."),
        ("category", "/etc"),
        ("remoteUrl", "../../a.pte"),
        ("remoteUrl", "/a.pte"),
        ("remoteUrl", "1.4.1\\a.pte"),
        ("remoteUrl", f"{VERSION}/{FAMILY}/other.pte"),
        ("remoteUrl", "http://example.org/a.pte"),
        ("remoteUrl", "file:///etc/passwd"),
        ("remoteUrl", "https://example.org/tree/../a.pte"),
        ("hash", "0" * 63),
        ("hash", "../" + "0" * 61),
        ("hash", None),
        ("size", -1),
        ("size", "1"),
        ("platforms", "linux"),
        ("labelsFile", "other.txt"),
        ("modelName", 1),
    ],
)
def test_an_entry_that_cannot_be_trusted_is_refused(field: str, bad: object) -> None:
    value: dict[str, Any] = sample_index()
    value["models"][0][field] = bad
    with pytest.raises(BadCatalogueError, match=r"index.json: "):
        read_index(Fields(value, "index.json"), VERSION)


def test_a_label_file_that_cannot_be_trusted_is_refused() -> None:
    value = sample_index()
    value["labels"][0]["name"] = "../labels.txt"
    with pytest.raises(BadCatalogueError):
        read_index(Fields(value, "index.json"), VERSION)


def test_the_index_of_another_version_is_refused() -> None:
    with pytest.raises(BadCatalogueError, match="'1.4.1' in the folder of 1.5.0"):
        read_index(Fields(sample_index(), "index.json"), "1.5.0")


@pytest.mark.parametrize("value", [{}, {"schemaVersion": 1}, {"schemaVersion": SCHEMA_VERSION}])
def test_documents_up_to_our_schema_version_are_read(value: dict[str, object]) -> None:
    assert parse_document(json.dumps(value).encode(), "here").values == value


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"a": 1',
        b'{"a": 1, "a": 2}',
        b"\xff\xfe\xff",
        b"[" * 100_000,
        b'{"schemaVersion": "2"}',
        b'{"schemaVersion": true}',
        b'{"schemaVersion": -1}',
        b"<html>",
    ],
)
def test_anything_but_a_json_object_with_a_sound_version_is_refused(content: bytes) -> None:
    with pytest.raises(BadCatalogueError, match="here"):
        parse_document(content, "here")
