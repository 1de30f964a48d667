"""Compare ExecuTorch versions as versions, not as text, and make the tree's versions.json."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pte_foundry.errors import PteError
from pte_foundry.records.outside_text import shown

# As many digits as any release needs: Python converts no number of 4,301.
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
            f"{shown(version)} is no version like 1.4.1 or 1.5.0rc1. Build with a released ExecuTorch",
        )
    release = [int(number) for number in match["release"].split(".")]
    while release and release[-1] == 0:
        release.pop()
    return tuple(release), match["phase"] or _FINAL, int(match["number"] or 0)


def versions_document(versions: Iterable[str]) -> dict[str, object]:
    """The content of versions.json: `versions` from oldest to newest, and the `latest` one.

    A final release is the latest even where a newer pre-release lies beside it.

    Raises:
        PteError: `bad-version` for no version at all, one that is none, or one under two spellings.
    """
    ordered = sorted(set(versions), key=version_key)
    if not ordered:
        raise PteError("bad-version", "the tree has no folder of any version. Build an index first")
    for older, newer in zip(ordered, ordered[1:]):
        if version_key(older) == version_key(newer):
            raise PteError(
                "bad-version", f"{older} and {newer} are one version: remove one of the folders"
            )
    final = [version for version in ordered if version_key(version)[1] == _FINAL]
    return {"versions": ordered, "latest": (final or ordered)[-1]}
