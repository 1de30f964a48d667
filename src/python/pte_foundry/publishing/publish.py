"""Publish a tree to all of its repositories, or to none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.publishing.changes import ArtifactChange, Changes, find_changes
from pte_foundry.publishing.directory_target import open_directory
from pte_foundry.publishing.git_target import open_git
from pte_foundry.publishing.github_target import open_github
from pte_foundry.publishing.merging import Release, make_release
from pte_foundry.publishing.permission import change_refusals, refuse, tree_refusals
from pte_foundry.publishing.repository import (
    DirectoryRepository,
    GithubRepository,
    GitRepository,
    HubRepository,
    Repository,
    parse_repository,
)
from pte_foundry.publishing.target import Step, Target
from pte_foundry.publishing.tree_folder import read_folder
from pte_foundry.records.publish_request import RequestedRelease


@dataclass(frozen=True)
class _Job:
    repository: Repository
    target: Target
    release: Release
    changes: Changes
    is_there: bool


def publish(
    request: RequestedRelease, tell: Callable[[str], None], step: Step = lambda name: None
) -> None:
    """Check the tree and all repositories, then write to them one after the other.

    A repository that already has the release is left alone: a release never changes, so it keeps its pages.

    Args:
        tell: called with a line for each finished repository.
        step: see `Step`.

    Raises:
        PteError: `bad-repository`; the reasons not to publish, before anything is written; or a later
            failure, with the repositories that already have the release.
    """
    root, folder = Path(request.build_root), Path(request.folder)
    repositories = [parse_repository(text, root) for text in request.repositories]
    new = read_folder(folder, request.tree, "Package the tree again, and change nothing in it")
    refuse(request.tree, tree_refusals(new, repositories, request.allow))
    with ExitStack() as stack:
        jobs: list[_Job] = []
        refusals: list[str] = []
        for number, repository in enumerate(repositories):
            scratch = Path(request.scratch, str(number))
            target = stack.enter_context(_open(repository, request.git_lfs, scratch))
            changes = find_changes(new, target.published)
            refusals += change_refusals(repository, changes, request.allow)
            release = target.fit(make_release(new, target.published), folder)
            jobs.append(_Job(repository, target, release, changes, target.has(release)))
        refuse(request.tree, refusals)
        done: list[str] = []
        for job in jobs:
            try:
                _write(job, request.tree, folder, tell, step)
            except PteError as error:
                note = f"\nPublished before that: {', '.join(done)}" if done else ""
                raise PteError(error.kind, error.message + note) from error
            done.append(job.repository.text)


def _write(job: _Job, tree: str, folder: Path, tell: Callable[[str], None], step: Step) -> None:
    release, published = job.release, job.target.published
    if (
        published is not None
        and published.identity == release.identity
        and (job.is_there or isinstance(job.repository, (GitRepository, HubRepository)))
    ):
        job.target.refresh(release, step)
        same_pages = published.sums == release.sums
        pages = "" if same_pages else "; its pages stay as they were published"
        tell(f"{tree}: {job.repository.text} has {release.name} already, nothing to do{pages}")
        return
    message = _commit_message(tree, release, job.changes)
    job.target.write(release, folder, message, step)
    back = ", a release that was there before" if job.is_there else ""
    tell(f"{tree}: published {release.name}{back} to {job.repository.text}: {job.changes.summary}")


def _commit_message(tree: str, release: Release, changes: Changes) -> str:
    """The message of commit and tag: the release's name, then each change with its hashes."""
    paragraphs = [f"Publish {release.name}", f"{tree}: {changes.summary}."]
    for title, found in (
        ("Added:", changes.added),
        ("CHANGED under the same address and ExecuTorch version:", changes.changed),
        ("Removed:", changes.removed),
    ):
        if found:
            paragraphs.append("\n".join([title, *_change_lines(found)]))
    paragraphs.append(f"SHA-256 of programs, labels, indexes and licences: {release.identity}")
    return "\n\n".join(paragraphs) + "\n"


def _change_lines(changes: Iterable[ArtifactChange]) -> Iterable[str]:
    for change in changes:
        yield f"  {change.name}"
        if change.old:
            yield f"    old {change.old.sha256}  {change.old.path}"
        if change.new:
            yield f"    new {change.new.sha256}  {change.new.path}"


@contextmanager
def _open(repository: Repository, git_lfs: bool, scratch: Path) -> Iterator[Target]:
    if isinstance(repository, DirectoryRepository):
        with open_directory(repository) as directory:
            yield directory
    elif isinstance(repository, GithubRepository):
        yield open_github(repository, scratch)
    elif isinstance(repository, HubRepository):
        # The others need no package.
        from pte_foundry.publishing.hub_target import open_hub

        yield open_hub(repository, scratch)
    else:
        yield open_git(repository, git_lfs, scratch)
