"""Run `./pants` on what a change affects, or on everything if Pants cannot know what that is.

Runs on any Python from 3.9 on, before Pants is installed: it needs only the standard library.

    python3 tools/affected/affected.py --since origin/main -- --weights-source=seeded test
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NoReturn

# What decides how everything is built or checked, but is not a dependency of any target.
EVERYTHING = (
    ".ci/*",
    ".github/*",
    ".gitlab-ci.yml",
    ".gitignore",
    ".pants.bootstrap",
    "pants",
    "pants*.toml",
    "pyproject.toml",
    "tools/affected/*",
    "tools/bootstrap/*",
    "tools/macros/*",
    "tools/pants-plugins/*",
)
# The files that name the locks of toolchains, on which programs and pictures depend. No target depends on other locks.
_NAMING = ("toolchains/BUILD", "toolchains/executorch_*/BUILD", "models/*/BUILD")
_RESOLVE = re.compile(r"""\b(?:builder_)?resolve\s*=\s*["'](\w+)["']""")
_LOCKS = "3rdparty/python/"


class AffectedError(Exception):
    """The change cannot be read; the message says what to do next."""


@dataclass(frozen=True)
class Change:
    """status: the letter of `git diff --name-status`: A added, D deleted, M modified, ..."""

    status: str
    path: str


def target_locks(root: Path) -> frozenset[str]:
    """Names of the locks on which targets depend, so that Pants knows what a change of one affects."""
    files = [file for pattern in _NAMING for file in root.glob(pattern)]
    return frozenset(
        name for file in files for name in _RESOLVE.findall(file.read_text(encoding="utf-8"))
    )


def why_everything(changes: Iterable[Change], locks: Collection[str]) -> str | None:
    """The reason why everything has to run; None if Pants finds what is affected.

    locks: as `target_locks` returns them.
    """
    for change in changes:
        if change.status == "D":
            # What depended on it no longer does, so Pants does not find it: but that is what may be broken now.
            return f"{change.path} was deleted"
        if any(fnmatchcase(change.path, pattern) for pattern in EVERYTHING):
            return f"{change.path} changed"
        folder, _, name = change.path.rpartition("/")
        is_lock = f"{folder}/" == _LOCKS and name.endswith(".lock")
        if is_lock and name[: -len(".lock")] not in locks:
            return f"{change.path} changed"
    return None


def pants_arguments(since: str, everything: bool, wanted: Sequence[str]) -> list[str]:
    """Arguments of `./pants`: `wanted`, its options and goals, and what to run them on."""
    if everything:
        return [*wanted, "::"]
    return [f"--changed-since={since}", "--changed-dependents=transitive", *wanted]


def read_changes(root: Path, since: str) -> list[Change]:
    """What differs between the working copy and its last common commit with `since`.

    Raises AffectedError if git does not know `since`.
    """
    try:
        base = _git(root, "merge-base", "--end-of-options", since, "HEAD").strip()
    except subprocess.CalledProcessError as error:
        raise AffectedError(
            f"git finds no common commit of {since} and HEAD: {error.stderr.strip() or 'there is none'}. Fetch "
            "the whole history first: `git fetch --unshallow`, or fetch-depth 0 in CI"
        ) from None
    # A renamed file is a deleted one and a new one.
    words = _git(root, "diff", "--name-status", "--no-renames", "-z", base).split("\0")
    changes = [Change(status, path) for status, path in zip(words[0:-1:2], words[1:-1:2])]
    new = _git(root, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    return [*changes, *(Change("A", path) for path in new if path)]


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=root, check=True, capture_output=True, text=True
    ).stdout


def main(arguments: Sequence[str]) -> int:
    """Replace this process with `./pants`. Returns 2, with a message, if the change cannot be read."""
    parser = argparse.ArgumentParser(prog="tools/affected/affected.py", description=__doc__)
    parser.add_argument("--since", required=True, help="what to compare with, like origin/main")
    parser.add_argument("wanted", nargs="+", help="options and goals of ./pants, after --")
    options = parser.parse_args(arguments)
    root = Path(__file__).resolve().parents[2]
    try:
        changes = read_changes(root, options.since)
    except AffectedError as error:
        print(f"tools/affected: {error}.", file=sys.stderr)
        return 2
    reason = why_everything(changes, target_locks(root))
    print(
        f"tools/affected: {len(changes)} changed files; "
        + (f"everything runs: {reason}" if reason else "what depends on them runs"),
        file=sys.stderr,
        flush=True,
    )
    return _become_pants(root, pants_arguments(options.since, reason is not None, options.wanted))


def _become_pants(root: Path, arguments: Sequence[str]) -> NoReturn:
    os.chdir(root)
    os.execv("./pants", ["./pants", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
