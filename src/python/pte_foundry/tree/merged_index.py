"""The indexes of a tree as one document, for what describes all of its programs: pages, README, bill of materials."""

from __future__ import annotations

from collections.abc import Sequence

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields

_VERSION = "version"


def merged_index(indexes: Sequence[Fields]) -> Fields:
    """One index with the programs of all ExecuTorch versions.

    Each entry of `models` says its version (`version_of`). What differs between versions otherwise is the first one's.

    Args:
        indexes: the content of each version's index; the latest version's first.

    Raises:
        PteError: `bad-request` naming the field that is missing or wrong.
    """
    if not indexes:
        raise PteError("bad-request", "tree_request.json: `indexes` is empty. Name an index")
    latest = indexes[0]
    entries = [(index, each) for index in indexes for each in index.objects("models")]
    values = {
        **latest.values,
        "models": [{**each.values, _VERSION: index.text("version")} for index, each in entries],
        "unavailable": [
            dict(each.values) for index in indexes for each in index.objects("unavailable")
        ],
        "backends": {
            name: description
            for index in reversed(indexes)
            for name, description in index.nested("backends").values.items()
        },
        "weightsSources": sorted(
            {name for index in indexes for name in index.texts("weightsSources")}
        ),
    }
    return Fields(values, latest.where)


def version_of(index: Fields, entry: Fields) -> str:
    """The ExecuTorch version of an entry of `models`: its own, else that of its index."""
    return (entry if entry.has(_VERSION) else index).text(_VERSION)


def versions_of(index: Fields) -> tuple[str, ...]:
    """Of all entries, each once, that of the index first."""
    versions = [version_of(index, each) for each in index.objects("models")]
    return tuple(dict.fromkeys([index.text("version"), *versions]))
