from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from pte_foundry.index.index import build_index
from pte_foundry.index.schema import INDEX_SCHEMA
from pte_foundry.records.json_files import canonical_json
from pte_foundry.testing.indexes import (
    portable_report,
    read_request,
    sample_index,
    sample_report,
    write_reports,
)

VALIDATOR = Draft202012Validator(INDEX_SCHEMA)


@pytest.fixture()
def index(tmp_path: Path) -> dict[str, Any]:
    return sample_index(tmp_path)


def test_the_schema_is_one_and_accepts_what_we_generate(index: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(INDEX_SCHEMA)
    VALIDATOR.validate(index)
    assert canonical_json(INDEX_SCHEMA)


def test_an_index_without_labels_and_with_seeded_weights_is_valid(tmp_path: Path) -> None:
    changes: dict[str, object] = {"labels": None}
    weights: Any = copy.deepcopy(sample_report()["weights"])
    changes["weights"] = {**weights, "source": "seeded", "sha256": None}
    write_reports(tmp_path, sample_report(None, **changes), portable_report(**changes))
    VALIDATOR.validate(build_index(read_request(tmp_path, labels=[], unavailable=[])))


def _removals(value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each index that lacks one of the fields that we write at the top or in an entry of a list."""
    for key in value:
        yield key, {name: item for name, item in value.items() if name != key}
    for part in ("models", "labels", "unavailable"):
        for key in value[part][0]:
            broken = copy.deepcopy(value)
            del broken[part][0][key]
            yield f"{part}.{key}", broken


def test_every_field_that_we_write_is_required(index: dict[str, Any]) -> None:
    broken = dict(_removals(index))
    assert len(broken) > 35
    assert [name for name, each in broken.items() if VALIDATOR.is_valid(each)] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hash", "F" * 64),
        ("hash", "f" * 64 + "\n"),
        ("name", "model_xnnpack.pte\n"),
        ("remoteUrl", "https://example.org/model_xnnpack.pte\n"),
        ("size", "12"),
        ("size", -1),
        ("sizeMB", None),
        ("inputSize", 0),
        ("platforms", []),
        ("platforms", ["amiga"]),
        ("platforms", ["ios", "ios"]),
        ("name", "model.bin"),
        ("backend", "core_ml"),
        ("remoteUrl", ""),
        ("inputs", []),
        ("weights", {"source": "guessed"}),
        ("validation", {"verdict": "failed", "evidence": "executed", "checks": {}}),
    ],
)
def test_a_wrong_value_is_refused(index: dict[str, Any], field: str, value: object) -> None:
    index["models"][0][field] = value
    with pytest.raises(ValidationError):
        VALIDATOR.validate(index)


@pytest.mark.parametrize("version", ["1.4.1\n", "1" * 5_000, "v1", "1.٤"])
def test_a_malformed_version_is_refused(index: dict[str, Any], version: str) -> None:
    assert not VALIDATOR.is_valid({**index, "version": version})


def test_readers_may_be_given_more_fields(index: dict[str, Any]) -> None:
    VALIDATOR.validate({**index, "new": 1})
