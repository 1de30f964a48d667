"""The files of a tree, what they were made from, and whether they are what the tree's index promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from pte_foundry.errors import PteError
from pte_foundry.index.versions import check_schema_version, versions_document
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.paths import check_path, collisions
from pte_foundry.tree.pages.programs import Listed
from pte_foundry.tree.provenance.origin import Origin
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
"""Beside the pages and pictures of the models."""
LATENCIES = "latencies"


@dataclass(frozen=True)
class TreeRequest:
    """Attributes:
    index: path of the latest version's index, relative to the working directory.
    files: path in the tree -> SHA-256; every file but those that are written here.
    listed: what the pages say of each program beyond its index entry.
    latencies: files of measured latencies, as paths in the repository; each lies below the folder `LATENCIES` of the
        working directory.
    origin: what the tree was made from.
    """

    index: str
    files: Mapping[str, str]
    listed: tuple[Listed, ...]
    latencies: tuple[str, ...]
    origin: Origin

    @staticmethod
    def read(fields: Fields) -> TreeRequest:
        """Raises PteError `bad-request` or `bad-path` naming the field that is missing or wrong."""
        listed = tuple(Listed.read(entry) for entry in fields.objects("programs"))
        written = {*WRITTEN_HERE}
        for program in listed:
            written |= {page_path(program.model), picture_path(program.model)}
        files: dict[str, str] = {}
        for entry in fields.objects("files"):
            path = check_path(entry.text("path"), entry.where)
            if path in files or path in written:
                raise entry.error("path", f"is {path!r}, which is there twice or written here")
            files[path] = entry.sha256("sha256")
        for path, other in collisions((*files, *written)):
            raise fields.error(
                "files", f"has {path!r} and there is {other!r}: one file where case is ignored"
            )
        latencies = tuple(check_path(path, fields.where) for path in fields.texts("latencies"))
        origin = Origin.read(fields.nested("origin"))
        return TreeRequest(fields.text("index"), files, listed, latencies, origin)

    def versions(self) -> dict[str, object]:
        """The content of versions.json: one version for each folder with an index.

        Raises:
            PteError: `bad-version` if there is none, or a folder's name is no version.
        """
        indices = [PurePosixPath(path) for path in self.files if path.endswith("/index.json")]
        return versions_document(path.parts[0] for path in indices if len(path.parts) == 2)


def check_tree(request: TreeRequest, index: Fields, index_sha256: str) -> None:
    """Check that every file that the index lists is in the tree with the hash that it lists.

    Args:
        index: the content of the tree's index.json.
        index_sha256: the SHA-256 of its bytes.

    Raises:
        PteError: `bad-tree` naming the file that is absent or different; `newer-schema` for an index of a
            newer form than this library's.
    """
    check_schema_version(index)
    version = index.text("version")
    latest = request.versions()["latest"]
    if version != latest:
        raise PteError(
            "bad-tree",
            f"index.json is of {version}, but the tree's latest version is {latest}. "
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
