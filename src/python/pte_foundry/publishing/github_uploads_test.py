"""Publishing to GitHub when something goes wrong on the way: nothing half-published is visible, and runs go on."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing import github_target
from pte_foundry.publishing.github_api import GithubApi
from pte_foundry.publishing.publish import publish
from pte_foundry.testing.github_server import (
    TOKEN,
    Asset,
    GithubServer,
    hang_up,
    status,
    take_and_hang_up,
)
from pte_foundry.testing.publisher_runs import NEW, OLD, kill_at_every_step, publish_here, run_until
from pte_foundry.testing.sample_trees import publish_tree, release_of, request_for, write_tree

REPOSITORY = "github:ada/models"


@pytest.fixture()
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every wait of the publisher, none of which takes time."""
    seen: list[float] = []
    monkeypatch.setattr(
        github_target, "GithubApi", lambda where: GithubApi(where, sleep=seen.append)
    )
    return seen


def test_killed_at_every_step(tmp_path: Path, github: GithubServer) -> None:
    write_tree(tmp_path / "tree", OLD)
    publish_here(tmp_path, REPOSITORY)
    write_tree(tmp_path / "tree", NEW)
    old, latest, before = github.published(), github.latest, github.state()
    new = release_of(tmp_path / "tree")
    seen: list[str] = []
    for killed in kill_at_every_step(tmp_path, REPOSITORY):
        seen.append(killed)
        # All of the new release is visible, or nothing.
        assert (new in github.published()) == (killed == "end"), killed
        assert github.published().items() >= old.items()
        there = sum(len(draft.assets) for draft in github.drafts())
        github.asked.clear()
        publish_here(tmp_path, REPOSITORY)
        assert github.drafts() == [], killed
        sent = sum(line.startswith("POST /uploads") for line in github.asked)
        assets = github.published()[new]
        assert sent == (0 if killed == "end" else len(assets) - there), killed
        assert assets["1.4.1--toy--beta_xnnpack.pte"] == b"b"
        github.releases = {number: github.releases[number] for number in [latest] if number}
        github.latest = latest
        assert github.state() == before
    assert [seen[0], *seen[-2:]] == ["create the draft", "publish", "end"]
    assert len(seen) == len(assets) + 3


def test_an_upload_that_breaks_is_sent_again(
    tmp_path: Path, github: GithubServer, waits: list[float]
) -> None:
    github.fail("name=README.md", hang_up, status(502), take_and_hang_up)
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, REPOSITORY)
    assert waits == [2.0, 4.0, 8.0]
    (assets,) = github.published().values()
    assert assets["README.md"] == b"Read me.\n"
    assert sum("name=README.md" in line for line in github.asked) == 3


def test_a_release_whose_answer_is_lost(
    tmp_path: Path, github: GithubServer, waits: list[float]
) -> None:
    github.fail("PATCH", take_and_hang_up)
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, REPOSITORY)
    assert waits == [2.0]
    assert len(github.published()) == 1


def test_a_draft_whose_answer_is_lost(
    tmp_path: Path, github: GithubServer, waits: list[float]
) -> None:
    github.fail("POST /api", take_and_hang_up)
    write_tree(tmp_path / "tree")
    with pytest.raises(PteError, match=r"^unreachable: .*Nothing is published in part"):
        publish_tree(tmp_path, REPOSITORY)
    assert waits == []
    publish_tree(tmp_path, REPOSITORY)
    # No second draft was made.
    assert len(github.releases) == len(github.published()) == 1


def test_an_upload_that_never_arrives(
    tmp_path: Path, github: GithubServer, waits: list[float]
) -> None:
    github.fail("name=README.md", *[hang_up] * 5)
    write_tree(tmp_path / "tree")
    with pytest.raises(PteError, match=r"^unreachable: .*Publish again") as caught:
        publish_tree(tmp_path, REPOSITORY)
    assert TOKEN not in str(caught.value)
    assert len(waits) == 4
    assert github.published() == {}
    assert len(github.drafts()) == 1
    publish_tree(tmp_path, REPOSITORY)
    assert github.drafts() == []
    (assets,) = github.published().values()
    assert assets["README.md"] == b"Read me.\n"


def test_a_draft_of_an_older_server(tmp_path: Path, github: GithubServer) -> None:
    github.digests = False
    write_tree(tmp_path / "tree")
    assert run_until(tmp_path, REPOSITORY, 8).returncode == -signal.SIGKILL
    (draft,) = github.drafts()
    there = {f"/storage/{asset.number}" for asset in draft.assets.values()}
    assert len(there) > 3
    github.asked.clear()
    publish_tree(tmp_path, REPOSITORY)
    # Only what the killed run had sent is fetched, to compare it.
    paths = [line.split()[1].partition("?")[0] for line in github.asked]
    assert {path for path in paths if path.startswith("/storage")} == there


def test_a_limit_on_requests_is_kept(
    tmp_path: Path, github: GithubServer, waits: list[float]
) -> None:
    github.fail("POST /uploads", status(403, "secondary rate limit", Retry_After="60"))
    github.fail("POST /api", status(429, "too many", Retry_After="7"))
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, REPOSITORY)
    assert waits == [7.0, 60.0]
    assert len(github.published()) == 1


def test_a_draft_that_other_pages_were_uploaded_to(tmp_path: Path, github: GithubServer) -> None:
    write_tree(tmp_path / "tree")
    assert run_until(tmp_path, REPOSITORY, 12).returncode == -signal.SIGKILL
    (draft,) = github.drafts()
    assert "README.md" in draft.assets
    write_tree(tmp_path / "tree", readme="Read us.\n")
    before = github.state()
    expected = "has other assets than this tree: README.md.*delete the draft"
    with pytest.raises(PteError, match=expected):
        publish_tree(tmp_path, REPOSITORY)
    assert github.state() == before
    del github.releases[draft.number]
    publish_tree(tmp_path, REPOSITORY)
    (assets,) = github.published().values()
    assert assets["README.md"] == b"Read us.\n"


def test_a_tree_that_changes_meanwhile(tmp_path: Path, github: GithubServer) -> None:
    tree = write_tree(tmp_path / "tree")

    def step(name: str) -> None:
        if name == "upload README.md":
            (tree / "README.md").write_text("Read us.\n")

    with pytest.raises(PteError, match=r"^bad-tree: .*README.md was made from has changed"):
        publish(request_for(tmp_path, REPOSITORY), lambda line: None, step)
    assert github.published() == {}
    (draft,) = github.drafts()
    assert "README.md" not in draft.assets
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, REPOSITORY)
    (assets,) = github.published().values()
    assert assets["README.md"] == b"Read me.\n"


def test_someone_else_who_publishes_meanwhile(tmp_path: Path, github: GithubServer) -> None:
    write_tree(tmp_path / "tree")
    ours = release_of(tmp_path / "tree")

    def step(name: str) -> None:
        if name == "publish":
            other = tmp_path / "other"
            write_tree(other / "tree", NEW)
            publish_tree(other, REPOSITORY)

    with pytest.raises(PteError, match=r"^rejected: .*Publish again, to merge"):
        publish(request_for(tmp_path, REPOSITORY), lambda line: None, step)
    assert ours not in github.published()
    assert len(github.published()) == 1


def test_a_long_description_is_cut(tmp_path: Path, github: GithubServer) -> None:
    programs = {f"alpha{number}_xnnpack": b"x" for number in range(900)}
    write_tree(tmp_path / "tree", programs)
    with pytest.raises(StopAsyncIteration):
        publish(request_for(tmp_path, REPOSITORY), lambda line: None, _stop_after_the_draft)
    (draft,) = github.drafts()
    assert 110_000 < len(draft.values["body"]) <= 125_000
    assert draft.values["body"].endswith("\n…\n```\n")


def _stop_after_the_draft(name: str) -> None:
    if name.startswith("upload"):
        raise StopAsyncIteration


def test_an_asset_that_another_process_adds_stops_it(tmp_path: Path, github: GithubServer) -> None:
    write_tree(tmp_path / "tree")

    def step(name: str) -> None:
        if name == "upload versions.json":
            (draft,) = github.drafts()
            draft.assets["more.txt"] = Asset(999, "more.txt", b"x", "uploaded")

    with pytest.raises(PteError, match="has other assets than this tree: more.txt"):
        publish(request_for(tmp_path, REPOSITORY), lambda line: None, step)
    assert github.published() == {}
