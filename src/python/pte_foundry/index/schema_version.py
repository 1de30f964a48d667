"""Which form of index.json this library writes, and which it can read."""

from __future__ import annotations

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields

SCHEMA_VERSION = 1
"""Counts up when a field changes its meaning or goes away. New fields need no new number: readers ignore them."""


def check_schema_version(index: Fields) -> None:
    """Check that this library knows the form of an index, before anything else of it is read.

    Raises:
        PteError: `newer-schema` for an index of a newer form; `bad-request` if it does not say its form.
    """
    version = index.count("schemaVersion")
    if version > SCHEMA_VERSION:
        raise PteError(
            "newer-schema",
            f"{index.where} has the schema version {version}; this pte-foundry reads up to "
            f"{SCHEMA_VERSION}. Upgrade pte-foundry, or take an older release",
        )
    if version < 1:
        raise index.error("schemaVersion", f"is {version}; the first one is 1")
