"""The committed index keeps to the schema that a tree carries."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

from pte_foundry.index.schema import INDEX_SCHEMA


def test_it_keeps_to_the_schema(index: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(INDEX_SCHEMA)
    Draft202012Validator(INDEX_SCHEMA).validate(index)


def test_it_says_that_its_weights_are_seeded(index: dict[str, Any]) -> None:
    assert index["weightsSources"] == ["seeded"]
    assert {model["weights"]["source"] for model in index["models"]} == {"seeded"}


def test_each_artifact_names_its_licence(index: dict[str, Any]) -> None:
    licences = {model["category"]: model["license"] for model in index["models"]}
    assert licences == {
        "mobilenet": "BSD-3-Clause",
        "pe_core": "Apache-2.0",
        "yolo": "AGPL-3.0-only",
    }
