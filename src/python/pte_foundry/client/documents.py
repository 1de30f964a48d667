"""Read the JSON documents of a tree: strictly, and only those of a schema that this client knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pte_foundry.client.errors import BadCatalogueError, NewerSchemaError
from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import parse_json

SCHEMA_VERSION = 1
"""The newest `schemaVersion` that this client reads. A document without the field is of version 1."""

LARGEST_DOCUMENT = 64 << 20
"""Bytes of the largest document that is read."""


def parse_document(content: bytes, where: str) -> Fields:
    """The JSON object in `content`.

    Raises:
        BadCatalogueError: if it is no JSON object, see `parse_json`.
        NewerSchemaError: if its `schemaVersion` is newer than ours; nothing else of it is read then.
    """
    try:
        value = parse_json(content)
    except ValueError as error:
        raise BadCatalogueError(
            f"{where} is no valid JSON ({error}). Check the location, and publish the tree again"
        ) from error
    if not isinstance(value, dict):
        raise BadCatalogueError(f"{where} holds no JSON object. Publish the tree again")
    fields = Fields(value, where)
    with reading():
        version = fields.count("schemaVersion") if "schemaVersion" in value else 1
    if version > SCHEMA_VERSION:
        raise NewerSchemaError(
            f"{where} has schema version {version}, this client reads up to {SCHEMA_VERSION}. Upgrade "
            "pte_foundry.client to the release of pte-foundry that made the tree, or use an older tree"
        )
    return fields


@contextmanager
def reading() -> Iterator[None]:
    """Turn the complaints about fields and paths inside into BadCatalogueError."""
    try:
        yield
    except BadCatalogueError:
        raise
    except PteError as error:
        raise BadCatalogueError(error.message) from error
