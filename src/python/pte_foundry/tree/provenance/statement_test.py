from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict, ParseError
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2  # type: ignore[import-untyped]
from in_toto_attestation.v1.statement import Statement  # type: ignore[import-untyped]

from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import canonical_json
from pte_foundry.testing.indexes import LOCK, read_origin, sample_index
from pte_foundry.testing.reports import SHA
from pte_foundry.tree.provenance import statement as module
from pte_foundry.tree.provenance.statement import provenance_statement

FILES = {"index.json": "1" * 64, "1.4.1/x.pte": "2" * 64}


def statement(index: dict[str, Any], **origin: object) -> Any:
    return provenance_statement(
        read_origin(**origin), Fields(index, "index.json"), FILES, {LOCK: "3" * 64}
    )


def test_it_is_an_in_toto_statement_with_a_slsa_predicate(tmp_path: Path) -> None:
    built = statement(sample_index(tmp_path))
    assert built["_type"] == "https://in-toto.io/Statement/v1"
    assert built["predicateType"] == "https://slsa.dev/provenance/v1"
    message = Statement([], "", {})
    ParseDict(built, message.pb)
    message.validate()
    ParseDict(built["predicate"], provenance_pb2.Provenance())


def test_it_vouches_for_every_file(tmp_path: Path) -> None:
    assert statement(sample_index(tmp_path))["subject"] == [
        {"name": "1.4.1/x.pte", "digest": {"sha256": "2" * 64}},
        {"name": "index.json", "digest": {"sha256": "1" * 64}},
    ]


def test_it_names_checkpoints_lockfiles_and_toolchain(tmp_path: Path) -> None:
    built = statement(sample_index(tmp_path))["predicate"]
    assert built["buildDefinition"]["resolvedDependencies"] == [
        {
            "name": "models/mobilenet:mobilenet_v3_small_weights",
            "digest": {"sha256": SHA},
            "annotations": {
                "file": "mobilenet_v3_small-047dcff4.pth",
                "license": "BSD-3-Clause",
                "source": "official",
                "sourcePage": "https://pytorch.org/vision/stable/models.html",
            },
        },
        {"name": LOCK, "digest": {"sha256": "3" * 64}},
    ]
    assert built["buildDefinition"]["externalParameters"]["target"] == "//:tree"
    builder = built["runDetails"]["builder"]
    assert builder["id"] == "urn:pte-foundry:local"
    assert builder["version"] == {"executorch": "1.4.1", "torch": "2.13.0+cpu"}


def test_seeded_weights_have_no_hash(tmp_path: Path) -> None:
    index = sample_index(tmp_path)
    for model in index["models"]:
        model["weights"].update(source="seeded", sha256=None)
    first = statement(index)["predicate"]["buildDefinition"]["resolvedDependencies"][0]
    assert "digest" not in first
    assert first["annotations"]["source"] == "seeded"


def test_the_commit_is_named_if_it_is_given(tmp_path: Path) -> None:
    index = sample_index(tmp_path)
    said = statement(index, source_commit="0a" * 20)["predicate"]["buildDefinition"]
    assert said["resolvedDependencies"][0] == {
        "name": "source",
        "digest": {"gitCommit": "0a" * 20},
    }
    assert "gitCommit" not in canonical_json(statement(index))


def test_the_time_is_named_if_it_is_given(tmp_path: Path) -> None:
    assert "metadata" not in statement(sample_index(tmp_path))["predicate"]["runDetails"]
    index = sample_index(tmp_path, generated="2026-01-02T03:04:05Z")
    details = statement(index)["predicate"]["runDetails"]
    assert details["metadata"] == {"finishedOn": "2026-01-02T03:04:05Z"}


def test_a_field_that_slsa_does_not_have_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_checkpoint", lambda checkpoint: {"sha256": "0" * 64})
    with pytest.raises(ParseError, match="sha256"):
        statement(sample_index(tmp_path))
