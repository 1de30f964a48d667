"""What a release's commit and tag say."""

from __future__ import annotations

from collections.abc import Iterable

from pte_foundry.publishing.changes import ArtifactChange, Changes
from pte_foundry.publishing.merging import Release


def commit_message(tree: str, release: Release, changes: Changes) -> str:
    """The release's name, then every artifact that was added, changed or removed, with its hashes."""
    paragraphs = [f"Publish {release.name}", f"{tree}: {changes.summary}."]
    for title, found in (
        ("Added:", changes.added),
        ("CHANGED under the same address and ExecuTorch version:", changes.changed),
        ("Removed:", changes.removed),
    ):
        if found:
            paragraphs.append("\n".join([title, *_lines(found)]))
    paragraphs.append(f"SHA-256 of programs, labels, indexes and licences: {release.identity}")
    return "\n\n".join(paragraphs) + "\n"


def _lines(changes: Iterable[ArtifactChange]) -> Iterable[str]:
    for change in changes:
        yield f"  {change.name}"
        if change.old:
            yield f"    old {change.old.sha256}  {change.old.path}"
        if change.new:
            yield f"    new {change.new.sha256}  {change.new.path}"
