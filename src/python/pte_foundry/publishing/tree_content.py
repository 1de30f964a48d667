"""The content of a tree, checked against its own SHA256SUMS, wherever the tree is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pte_foundry.errors import PteError
from pte_foundry.index.versions import versions_document
from pte_foundry.publishing.release import identity
from pte_foundry.records.paths import check_path
from pte_foundry.tree.sums import parse_sums
from pte_foundry.tree.tree_files import SUMS, is_covered

_MOST_PROBLEMS = 20

FILE = "file"
"""The kind of a regular file; every other kind is refused by its name, e.g. `symlink`."""


@dataclass(frozen=True)
class TreeContent:
    """Attributes:
    where: for messages.
    sums: path -> SHA-256 of every file that SHA256SUMS covers; the files have been compared with it.
    sums_bytes: the bytes of SHA256SUMS.
    loose: the tree's files that SHA256SUMS does not cover, except itself.
    read: the bytes of a file, for small ones.
    """

    where: str
    sums: Mapping[str, str]
    sums_bytes: bytes
    loose: frozenset[str]
    read: Callable[[str], bytes]

    @property
    def identity(self) -> str:
        """See `release.identity`."""
        return identity(self.sums)

    @property
    def versions(self) -> frozenset[str]:
        """The ExecuTorch versions for which the tree has a folder with an index."""
        return versions_of(self.sums)

    @property
    def latest(self) -> str:
        """Raises PteError `bad-version` if there is no version."""
        return str(versions_document(self.versions)["latest"])


def versions_of(paths: Iterable[str]) -> frozenset[str]:
    """The ExecuTorch versions for which there is a folder with an index among a tree's files."""
    parts = (path.split("/") for path in paths)
    return frozenset(each[0] for each in parts if len(each) == 2 and each[1] == "index.json")


def check_content(
    where: str,
    kinds: Mapping[str, str],
    read: Callable[[str], bytes],
    sha256_of: Callable[[str], str],
    remedy: str,
) -> TreeContent:
    """Check that a tree holds what its SHA256SUMS says and nothing else.

    Args:
        where: where the tree is, for messages.
        kinds: path -> `FILE`, or what it is instead.
        read: the bytes of a file.
        sha256_of: the SHA-256 of a file's content, in lower-case hexadecimal.
        remedy: what to do about a refused tree.

    Raises:
        PteError: `bad-tree` naming all files that are not regular, extra, missing, or different from what
            is listed, with both hashes; or what is wrong with SHA256SUMS. `bad-path` for a path in it.
    """
    problems = [f"{path} is a {kind}" for path, kind in sorted(kinds.items()) if kind != FILE]
    if problems:
        raise _bad(where, problems, remedy)
    if SUMS not in kinds:
        raise _bad(where, [f"there is no {SUMS}, so it is not a published tree"], remedy)
    sums_bytes = read(SUMS)
    sums, wrong = parse_sums(sums_bytes.decode(errors="replace"))
    if wrong:
        raise _bad(where, [f"{SUMS} {problem}" for problem in wrong], remedy)
    for path in sums:
        check_path(path, f"{where}: {SUMS}")
    for path in sorted(filter(is_covered, kinds.keys() - sums.keys())):
        problems.append(f"{path} is not in {SUMS}")
    for path, expected in sums.items():
        if path not in kinds:
            problems.append(f"{path} is missing")
        elif (actual := sha256_of(path)) != expected:
            problems.append(f"{path} has SHA-256 {actual}, but {SUMS} says {expected}")
    if problems:
        raise _bad(where, problems, remedy)
    loose = frozenset(path for path in kinds if path != SUMS and not is_covered(path))
    return TreeContent(where, sums, sums_bytes, loose, read)


def _bad(where: str, problems: list[str], remedy: str) -> PteError:
    listed = problems[:_MOST_PROBLEMS]
    if len(problems) > len(listed):
        listed.append(f"and {len(problems) - len(listed)} more")
    return PteError("bad-tree", f"{where}: {'; '.join(listed)}. {remedy}")
