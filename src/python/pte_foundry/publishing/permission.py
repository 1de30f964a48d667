"""What is published only with permission."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from pte_foundry.errors import PteError
from pte_foundry.publishing.changes import ArtifactChange, Changes, read_index
from pte_foundry.publishing.repository import GitRepository, Repository
from pte_foundry.publishing.tree_content import TreeContent
from pte_foundry.records.publish_request import Permissions

_OFFICIAL = "official"


def refuse(tree: str, reasons: Sequence[str]) -> None:
    """Raise PteError `refused` with all reasons, if any."""
    if reasons:
        listed = "".join(f"\n  - {reason}" for reason in reasons)
        raise PteError("refused", f"{tree} is not published:{listed}")


def tree_refusals(
    new: TreeContent, repositories: Sequence[Repository], allow: Permissions
) -> list[str]:
    """Reasons against the tree itself."""
    reasons: list[str] = []
    # The others have an address of their own, or readers with the whole folder.
    remote = [each.text for each in repositories if isinstance(each, GitRepository)]
    for version in sorted(new.versions):
        index = read_index(new, version)
        sources = Counter(
            model.nested("weights").text("source") for model in index.objects("models")
        )
        unofficial = [
            f"{n} from {source}" for source, n in sorted(sources.items()) if source != _OFFICIAL
        ]
        if unofficial and not allow.unofficial:
            reasons.append(
                f"{version}/index.json has programs without official weights: "
                f"{', '.join(unofficial)}. Build it with the official checkpoints, or pass "
                "--tree-allow-unofficial"
            )
        base_url = index.text("baseUrl")
        if remote and not (urlsplit(base_url).scheme and urlsplit(base_url).netloc):
            reasons.append(
                f"{version}/index.json has the base URL {base_url!r}, but readers at "
                f"{', '.join(remote)} need an absolute one. Pass --index-base-url=https://…, the "
                "address where the tree can be downloaded"
            )
    return reasons


def change_refusals(repository: Repository, changes: Changes, allow: Permissions) -> list[str]:
    """Reasons against replacing what a repository has now."""
    reasons: list[str] = []
    if changes.changed and not allow.changed:
        reasons.append(
            f"{repository.text} has other files under the same addresses and ExecuTorch version: "
            f"{_list(changes.changed)}. Pass --tree-allow-changed if apps may get different bytes for "
            "the same version"
        )
    if changes.removed and not allow.removed:
        reasons.append(
            f"{repository.text} has artifacts that the tree does not have: "
            f"{_list(changes.removed)}. Pass --tree-allow-removed if apps can do without them"
        )
    return reasons


def _list(changes: Sequence[ArtifactChange]) -> str:
    return "; ".join(
        f"{change.name} for {change.version}"
        + (f" (published {change.old.sha256}" if change.old else " (")
        + (f", now {change.new.sha256})" if change.new else ")")
        for change in changes
    )
