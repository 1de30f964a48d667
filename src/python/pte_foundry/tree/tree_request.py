"""Whether the files of a tree are what the tree's index promises."""

from __future__ import annotations

from pathlib import PurePosixPath

from pte_foundry.errors import PteError
from pte_foundry.index.versions import check_schema_version, versions_document
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.paths import collisions
from pte_foundry.records.tree_request import TreeRequest
from pte_foundry.tree.tree_files import (
    BILL_OF_MATERIALS,
    CATALOGUE,
    LICENSES,
    MODEL_CARD,
    PROVENANCE,
    README,
    SCHEMA,
    SUMS,
    VERSIONS,
    page_path,
    picture_path,
)

WRITTEN_HERE = (BILL_OF_MATERIALS, PROVENANCE, README, SUMS, SCHEMA, VERSIONS, CATALOGUE)
"""With the pages and pictures of the models."""
LATENCIES = "latencies"
"""Folder of the request's files of measured latencies."""


def check_paths(request: TreeRequest) -> None:
    """Raises PteError `bad-request` if two files of the tree, including those written here, have the same path."""
    written = {*WRITTEN_HERE}
    for program in request.listed:
        written |= {page_path(program.model), picture_path(program.model)}
    if both := sorted(written & set(request.files)):
        raise PteError(
            "bad-request",
            f"tree_request.json: `files` has {', '.join(both)}, which the tree writer writes. Leave it out",
        )
    for path, other in collisions((*request.files, *written)):
        raise PteError(
            "bad-request",
            f"tree_request.json: `files` has {path!r}, but there is {other!r} too: the same file where case is "
            "ignored. Rename one of them",
        )


def versions(request: TreeRequest) -> dict[str, object]:
    """The content of versions.json: one version for each folder with an index.

    Raises:
        PteError: `bad-version` if there is none, or a folder's name is not a version.
    """
    indices = [PurePosixPath(path) for path in request.files if path.endswith("/index.json")]
    return versions_document(path.parts[0] for path in indices if len(path.parts) == 2)


def check_tree(request: TreeRequest, index: Fields, index_sha256: str) -> None:
    """Check that every file that the index lists is in the tree with the hash that it lists.

    Args:
        index: the content of the tree's index.json.
        index_sha256: the SHA-256 of its bytes.

    Raises:
        PteError: `bad-tree` naming the file that is absent or different; `newer-schema` for an index whose
            schema is newer than this library's.
    """
    check_schema_version(index)
    version = index.text("version")
    latest = versions(request)["latest"]
    if version != latest:
        raise PteError(
            "bad-tree",
            f"index.json is for {version}, but the tree's latest version is {latest}. "
            "Put the latest version's index at the root",
        )
    expected = {"index.json": index_sha256, f"{version}/index.json": index_sha256}
    for entry in (*index.objects("models"), *index.objects("labels")):
        path = f"{version}/{entry.text('category')}/{entry.text('name')}"
        expected[path] = entry.sha256("hash")
    needed = {
        f"{version}/{model.text('category')}/{MODEL_CARD}" for model in index.objects("models")
    }
    needed |= {f"{LICENSES}/{model.text('license')}.txt" for model in index.objects("models")}
    if absent := sorted(needed - set(request.files)):
        raise PteError(
            "bad-tree",
            f"the tree has no {', '.join(absent)}. Each family needs its model card, and each licence its text",
        )
    for path, sha256 in sorted(expected.items()):
        found = request.files.get(path)
        if found != sha256:
            raise PteError(
                "bad-tree",
                f"the index promises {path} with SHA-256 {sha256}, the tree has "
                f"{found or 'no such file'}. Build index and tree from one commit",
            )
