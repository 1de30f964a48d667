from __future__ import annotations

import json

import pytest

from pte_foundry.client.documents import SCHEMA_VERSION, parse_document
from pte_foundry.client.errors import BadCatalogueError, NewerSchemaError


@pytest.mark.parametrize("value", [{}, {"schemaVersion": 1}, {"schemaVersion": SCHEMA_VERSION}])
def test_documents_up_to_our_schema_version_are_read(value: dict[str, object]) -> None:
    assert parse_document(json.dumps(value).encode(), "here").values == value


def test_a_newer_schema_version_says_what_to_upgrade() -> None:
    content = json.dumps({"schemaVersion": SCHEMA_VERSION + 1, "models": 5}).encode()
    with pytest.raises(
        NewerSchemaError, match="here has schema .* 2, .*Upgrade pte_foundry.client"
    ):
        parse_document(content, "here")


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
def test_what_is_no_document_is_refused(content: bytes) -> None:
    with pytest.raises(BadCatalogueError, match="here"):
        parse_document(content, "here")
