"""SHA256SUMS: the hash of every file of the tree, in the form that `sha256sum -c` reads."""

from __future__ import annotations

from collections.abc import Mapping

from pte_foundry.records.paths import check_path


def sha256sums(files: Mapping[str, str]) -> str:
    """One line `<hash>  <path>` for each file, sorted by path.

    Args:
        files: path relative to the tree's root -> SHA-256 in lower-case hexadecimal.

    Raises:
        PteError: `bad-path` for a path that could need an escape or leave the tree.
    """
    return "".join(f"{files[path]}  {check_path(path, 'SHA256SUMS')}\n" for path in sorted(files))
