"""Everything that is wrong with a tree."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from pte_foundry.client.content import Content
from pte_foundry.client.index import LARGEST_DOCUMENT
from pte_foundry.errors import PteError
from pte_foundry.records.outside_text import plain
from pte_foundry.tree.checks.files import Defect, list_tree, sums_defects
from pte_foundry.tree.checks.index import index_defects
from pte_foundry.tree.checks.provenance import bill_of_materials_defects, statement_defects
from pte_foundry.tree.checks.signing import check_signature
from pte_foundry.tree.tree_files import (
    BILL_OF_MATERIALS,
    PROVENANCE,
    SIGNATURE,
    SUMS,
    VERSIONS,
)


def verify_tree(root: Path, public_key: Path | None = None) -> tuple[Defect, ...]:
    """Everything that is wrong, sorted by path; nothing is changed, and no link is followed.

    Args:
        root: a folder that `./pants package //:tree` wrote, or a checkout of what was published.
        public_key: the publisher's; None to leave the signature unchecked.

    Raises:
        PteError: `no-tree` if `root` is not a folder; `no-key` if the key is not a file.
    """
    try:
        is_folder = stat.S_ISDIR(root.lstat().st_mode)
    except (OSError, ValueError):
        is_folder = False
    if not is_folder:
        raise PteError(
            "no-tree",
            f"{plain(str(root), 300)} is not a readable folder. Name the folder that contains SHA256SUMS",
        )
    listing = list_tree(root)
    defects = {*listing.defects}
    if SUMS in listing.files:
        defects.update(_sums_defects(root, listing.files))
    else:
        defects.add(Defect(SUMS, "missing", "nothing says which files belong to the tree"))
    for file, check in _CHECKS.items():
        try:
            defects.update(check(root, listing.files))
        except RecursionError:
            defects.add(Defect(file, "schema", "a document that it needs is nested too deeply"))
    if public_key is not None:
        try:
            check_signature(root, public_key)
        except PteError as error:
            if error.kind == "no-key":
                raise
            defects.add(Defect(SIGNATURE, error.kind, error.message))
    return tuple(sorted(defects))


def _sums_defects(root: Path, files: Mapping[str, Content]) -> Iterable[Defect]:
    if files[SUMS].size > LARGEST_DOCUMENT:
        return [Defect(SUMS, "sums", f"has more than {LARGEST_DOCUMENT} bytes")]
    try:
        text = (root / SUMS).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return [Defect(SUMS, "unreadable", f"cannot be read: {error.strerror}")]
    return sums_defects(text, files)


_CHECKS = {
    VERSIONS: index_defects,
    PROVENANCE: statement_defects,
    BILL_OF_MATERIALS: bill_of_materials_defects,
}
