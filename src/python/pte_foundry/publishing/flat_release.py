"""A release as a flat list of assets: names without folders, and indexes that point at the assets.

The indexes and `versions.json` of a tree have paths in them, and a host of flat files has none. They are therefore
rewritten for readers. What the tree had is kept beside them, so that the tree can be read back, byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from pte_foundry.errors import PteError
from pte_foundry.index.versions import versions_document
from pte_foundry.records.json_files import canonical_json
from pte_foundry.tree.tree_files import INDEX, VERSIONS

_FOLDER = "--"
"""Stands for `/` in the name of an asset."""
_ORIGINAL = "tree--"
"""Begins the names of the documents as the tree had them, which readers of the assets do not need."""


def asset_name(path: str) -> str:
    """The asset with a file of the tree: `1.5.1--yolo--yolo11n_xnnpack.pte`."""
    flat = path.replace("/", _FOLDER)
    return f"{_ORIGINAL}{flat}" if _is_rewritten(path) else flat


def tree_path(asset: str) -> str | None:
    """The file of the tree that an asset has; None for what `rewritten` makes."""
    if asset.startswith(_ORIGINAL):
        return asset.removeprefix(_ORIGINAL).replace(_FOLDER, "/")
    path = asset.replace(_FOLDER, "/")
    return None if _is_rewritten(path) else path


def check_names(paths: Iterable[str], where: str) -> None:
    """Raise PteError `refused` for files whose assets could be taken for other files'."""
    wrong = sorted(path for path in paths if tree_path(asset_name(path)) != path)
    if wrong:
        raise PteError(
            "refused",
            f"{where}: assets have no folders, so `{_FOLDER}` stands for `/` in their names, and these paths have it "
            f"already or begin with `tree/`: {', '.join(wrong)}. Rename them",
        )


def rewritten(
    versions: Iterable[str], read: Callable[[str], bytes], address: str
) -> dict[str, bytes]:
    """Asset name -> content of each document that readers of the assets start with.

    `versions.json` also has `indexes`: version -> the asset with its index. Every address in an index is that of an
    asset.

    Args:
        versions: of ExecuTorch, those that the tree has a folder for.
        read: the bytes of a file of the tree.
        address: where the assets are, without a final slash.
    """
    document = versions_document(versions)
    paths = {version: f"{version}/{INDEX}" for version in sorted(versions)}
    indexes = {version: path.replace("/", _FOLDER) for version, path in paths.items()}
    result = {
        indexes[version]: _index(read(path), version, address) for version, path in paths.items()
    }
    result[INDEX] = result[indexes[str(document["latest"])]]
    result[VERSIONS] = canonical_json({**document, "indexes": indexes}).encode()
    return result


def _index(content: bytes, version: str, address: str) -> bytes:
    index = json.loads(content)
    index["baseUrl"] = address
    for entry in (*index["models"], *index["labels"]):
        entry["remoteUrl"] = _address(address, version, entry["category"], entry["name"])
        if labels := entry.get("labelsFile"):
            entry["labelsRemoteUrl"] = _address(address, version, entry["category"], labels)
    return canonical_json(index).encode()


def _address(address: str, version: str, category: str, name: str) -> str:
    # No path of a tree has a character that a URL escapes, except `+`, which stands for itself in its path.
    return f"{address}/{asset_name(f'{version}/{category}/{name}')}"


def _is_rewritten(path: str) -> bool:
    parts = path.split("/")
    return path == VERSIONS or (parts[-1] == INDEX and len(parts) <= 2)
