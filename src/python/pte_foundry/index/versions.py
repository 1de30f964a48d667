"""Versions of ExecuTorch, compared as versions and not as text, and the version of the index's schema."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.outside_text import shown

SCHEMA_VERSION = 1
"""Raised when a field changes its meaning or goes away, not for a new field: readers ignore those."""

# More digits than any release needs: Python refuses to convert 4,301.
_VERSION = re.compile(
    r"(?P<release>[0-9]{1,9}(\.[0-9]{1,9}){0,9})((?P<phase>a|b|rc)(?P<number>[0-9]{1,9}))?"
)
_FINAL = "z"


def version_key(version: str) -> tuple[tuple[int, ...], str, int]:
    """A key that sorts versions from oldest to newest.

    Supports what ExecuTorch releases: numbers separated by dots, with an optional `aN`, `bN` or
    `rcN`, which sort before the release (PEP 440's order). Epochs, post, development and local
    versions are refused, and numbers of more than 9 digits. `1.4` and `1.4.0` are the same version.

    Raises:
        PteError: `bad-version` for any other text.
    """
    match = _VERSION.fullmatch(version) if version.isascii() else None
    if match is None:
        raise PteError(
            "bad-version",
            f"{shown(version)} is not a version like 1.4.1 or 1.5.0rc1. Build with a released ExecuTorch",
        )
    release = [int(number) for number in match["release"].split(".")]
    while release and release[-1] == 0:
        release.pop()
    return tuple(release), match["phase"] or _FINAL, int(match["number"] or 0)


def versions_document(versions: Iterable[str]) -> dict[str, object]:
    """The content of versions.json: `versions` from oldest to newest, and the `latest` one.

    A final release is the latest even beside a newer pre-release.

    Raises:
        PteError: `bad-version` for no version at all, a malformed one, or one in two spellings.
    """
    ordered = sorted(set(versions), key=version_key)
    if not ordered:
        raise PteError(
            "bad-version", "the tree has no folder for any version. Build an index first"
        )
    for older, newer in zip(ordered, ordered[1:]):
        if version_key(older) == version_key(newer):
            raise PteError(
                "bad-version",
                f"{older} and {newer} are the same version: remove one of the folders",
            )
    final = [version for version in ordered if version_key(version)[1] == _FINAL]
    return {"versions": ordered, "latest": (final or ordered)[-1]}


def check_schema_version(index: Fields) -> None:
    """Check that this library knows the schema of an index, before anything else in it is read.

    Raises:
        PteError: `newer-schema` for an index with a newer schema; `bad-request` if it does not name its schema.
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
