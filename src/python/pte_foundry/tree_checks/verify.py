"""All that is wrong with a tree."""

from __future__ import annotations

from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.indexing.tree_files import SIGNATURE, SUMS
from pte_foundry.tree_checks.defect import Defect
from pte_foundry.tree_checks.files import list_tree
from pte_foundry.tree_checks.index import index_defects
from pte_foundry.tree_checks.provenance import bill_of_materials_defects, statement_defects
from pte_foundry.tree_checks.signing import check_signature
from pte_foundry.tree_checks.sums import sums_defects


def verify_tree(root: Path, public_key: Path | None = None) -> tuple[Defect, ...]:
    """Everything that is wrong, sorted by path; nothing is changed, and no link is followed.

    Args:
        root: a folder as `./pants package //:tree` writes it, or a checkout of what was published.
        public_key: of who signed it; None if the signature is not to be checked.

    Raises:
        PteError: `no-tree` if `root` is no folder; `no-key` if the key is no file.
    """
    if root.is_symlink() or not root.is_dir():
        raise PteError("no-tree", f"{root} is no folder. Name the folder that has SHA256SUMS in it")
    listing = list_tree(root)
    defects = {*listing.defects}
    if SUMS in listing.files:
        text = (root / SUMS).read_text(encoding="utf-8", errors="replace")
        defects.update(sums_defects(text, listing.files))
    else:
        defects.add(Defect(SUMS, "missing", "nothing says which files belong to the tree"))
    defects.update(index_defects(root, listing.files))
    defects.update(statement_defects(root, listing.files))
    defects.update(bill_of_materials_defects(root, listing.files))
    if public_key is not None:
        try:
            check_signature(root, public_key)
        except PteError as error:
            if error.kind == "no-key":
                raise
            defects.add(Defect(SIGNATURE, error.kind, error.message))
    return tuple(sorted(defects))
