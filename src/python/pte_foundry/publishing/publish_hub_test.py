"""Publishing to a repository on the Hugging Face Hub, through its library."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from pte_foundry.client.catalogue import open_catalogue
from pte_foundry.client.retrying import Retrying
from pte_foundry.errors import PteError
from pte_foundry.publishing.publish import publish
from pte_foundry.testing.hub_server import TOKEN, HubServer, status, take_and_hang_up
from pte_foundry.testing.publisher_runs import NEW, OLD, kill_at_every_step, publish_here, run_until
from pte_foundry.testing.sample_trees import (
    files_below,
    publish_tree,
    release_of,
    request_for,
    write_tree,
)

REPOSITORY = "hf:ada/models"


def refused(folder: Path, hub: HubServer, **changes: object) -> str:
    """The message of a refusal, after which nothing has changed. The token is in no message."""
    before = hub.state()
    with pytest.raises(PteError) as caught:
        publish_tree(folder, REPOSITORY, **changes)
    assert hub.state() == before
    assert TOKEN not in str(caught.value)
    return str(caught.value)


def test_a_first_release(tmp_path: Path, hub: HubServer) -> None:
    tree = write_tree(tmp_path / "tree", base_url=".", measured="a plot")
    name = release_of(tree)
    assert publish_tree(tmp_path, REPOSITORY) == (
        f"//:tree: published {name} to {REPOSITORY}: 3 added, 0 changed, 0 removed"
    )
    assert hub.files() == files_below(tree)
    assert hub.tags == {name: hub.tip}
    commit = hub.commits[hub.tip]
    assert commit.message.startswith(f"Publish {name}\n\n//:tree: 3 added")
    assert commit.files[".gitattributes"].content == b"*.bin filter=lfs"
    assert {path for path, stored in commit.files.items() if stored.is_large} == {
        "1.4.1/toy/alpha_portable.pte",
        "1.4.1/toy/alpha_xnnpack.pte",
    }
    assert len(hub.commits) == 2


@pytest.mark.parametrize("revision", ["main", "tag"])
def test_clients_fetch_from_a_tag_and_from_the_branch(
    tmp_path: Path, hub: HubServer, revision: str
) -> None:
    first = release_of(write_tree(tmp_path / "tree", OLD, base_url="."))
    publish_here(tmp_path, REPOSITORY)
    write_tree(tmp_path / "tree", NEW, base_url=".")
    publish_here(tmp_path, REPOSITORY)
    location = f"{hub.url}/ada/models/resolve/{first if revision == 'tag' else 'main'}"
    catalogue = open_catalogue(location, cache=tmp_path / "cache", retrying=Retrying(attempts=1))
    artifact = catalogue.best("alpha", "linux", backends=["xnnpack"])
    expected = OLD if revision == "tag" else NEW
    assert catalogue.fetch(artifact).read_bytes() == expected["alpha_xnnpack"]
    labels = catalogue.fetch_labels(artifact)
    assert labels is not None
    assert labels.read_bytes() == b"cat\ncup"


def test_nothing_is_sent_the_second_time(tmp_path: Path, hub: HubServer) -> None:
    tree = write_tree(tmp_path / "tree")
    publish_tree(tmp_path, REPOSITORY)
    before = hub.state()
    hub.asked.clear()
    write_tree(tree, commit="0b", readme="Read me again.\n")
    told = publish_tree(tmp_path, REPOSITORY)
    assert f"has {release_of(tree)} already, nothing to do; its pages stay" in told
    assert hub.state() == before
    assert {line.split()[0] for line in hub.asked} <= {"GET", "HEAD"}


def test_only_what_is_new_is_sent(tmp_path: Path, hub: HubServer) -> None:
    write_tree(tmp_path / "tree", OLD)
    publish_here(tmp_path, REPOSITORY)
    hub.asked.clear()
    tree = write_tree(tmp_path / "tree", NEW)
    publish_here(tmp_path, REPOSITORY)
    assert hub.files() == files_below(tree)
    assert sum(line.startswith("PUT") for line in hub.asked) == 2
    assert sum("/commit/" in line for line in hub.asked) == 1


def test_an_old_release_returns_with_its_pages(tmp_path: Path, hub: HubServer) -> None:
    old = files_below(write_tree(tmp_path / "tree", OLD, readme="of old\n"))
    publish_here(tmp_path, REPOSITORY)
    write_tree(tmp_path / "tree", NEW)
    publish_here(tmp_path, REPOSITORY)
    tags = dict(hub.tags)
    write_tree(tmp_path / "tree", OLD, readme="newer\n")
    hub.asked.clear()
    told = publish_tree(tmp_path, REPOSITORY, changed=True, removed=True)
    assert "a release that was there before" in told
    assert hub.files() == old
    assert hub.tags == tags
    assert not [line for line in hub.asked if line.startswith("PUT")]


def test_versions_are_merged(tmp_path: Path, hub: HubServer) -> None:
    write_tree(tmp_path / "tree", version="1.5.0", readme="of 1.5\n")
    publish_tree(tmp_path, REPOSITORY)
    first = hub.files()
    write_tree(tmp_path / "tree", {"alpha_xnnpack": b"old"}, version="1.4.1")
    publish_tree(tmp_path, REPOSITORY)
    files = hub.files()
    assert files["1.4.1/toy/alpha_xnnpack.pte"] == b"old"
    carried = [path for path in first if path.startswith("1.5.0/") or path == "README.md"]
    assert [files[path] for path in carried] == [first[path] for path in carried]
    assert "nothing to do" in publish_tree(tmp_path, REPOSITORY)


def test_refusals_of_every_repository_apply(tmp_path: Path, hub: HubServer) -> None:
    write_tree(tmp_path / "tree", source="seeded")
    assert "--tree-allow-unofficial" in refused(tmp_path, hub)
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, REPOSITORY)
    write_tree(tmp_path / "tree", {"alpha_xnnpack": b"faster"})
    told = refused(tmp_path, hub)
    assert "--tree-allow-changed" in told
    assert "--tree-allow-removed" in told


@pytest.mark.parametrize("path", ["1.4.1/toy/alpha_portable.pte", "README.md", "index.json"])
def test_a_branch_that_was_changed(tmp_path: Path, hub: HubServer, path: str) -> None:
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, REPOSITORY)
    hub.edit(path, b"{}")
    assert f"{path} has SHA-256" in refused(tmp_path, hub)
    hub.edit(path, None)
    assert f"{path} is missing" in refused(tmp_path, hub)


def test_a_repository_with_something_else(tmp_path: Path, hub: HubServer) -> None:
    hub.edit("config.json", b"{}")
    write_tree(tmp_path / "tree")
    assert "there is no SHA256SUMS, so it is not a published tree" in refused(tmp_path, hub)
    hub.edit("config.json", None)
    hub.edit(".gitignore", b"*.pte")
    assert "there is a .gitignore" in refused(tmp_path, hub)


def test_a_tag_with_other_content(tmp_path: Path, hub: HubServer) -> None:
    write_tree(tmp_path / "tree", {"beta_portable": b"b"})
    publish_tree(tmp_path, REPOSITORY)
    ours = release_of(write_tree(tmp_path / "tree"))
    hub.tags = {ours: hub.tip}
    assert f"the tag {ours} exists with other content" in refused(tmp_path, hub, removed=True)
    hub.tags = {ours: next(iter(hub.commits))}
    assert f"the tag {ours} exists without a tree" in refused(tmp_path, hub, removed=True)


@pytest.mark.parametrize("token", [None, "two words"])
def test_without_a_token(
    tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    if token is None:
        monkeypatch.delenv("HF_TOKEN")
    else:
        monkeypatch.setenv("HF_TOKEN", token)
    write_tree(tmp_path / "tree")
    told = refused(tmp_path, hub)
    assert told.startswith("no-token: hf:ada/models: there is no token for the Hub. Set HF_TOKEN")
    assert hub.asked == []


def test_a_token_in_the_file_of_the_library(
    tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "home").mkdir()
    (tmp_path / "home/token").write_text(f"{TOKEN}\n")
    write_tree(tmp_path / "tree")
    assert "published" in publish_tree(tmp_path, REPOSITORY)


def test_a_token_that_may_not_write(
    tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path / "tree")
    hub.fail("/preupload/", status(403, f"Forbidden for {TOKEN}"))
    told = refused(tmp_path, hub)
    assert told.startswith("rejected: hf:ada/models: HTTP 403: Forbidden for …. Nothing")
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    told = refused(tmp_path, hub)
    assert told.startswith("rejected: hf:ada/models: HTTP 401: ")
    assert "hf_other" not in told


def test_a_repository_that_is_not_there(tmp_path: Path, hub: HubServer) -> None:
    write_tree(tmp_path / "tree")
    with pytest.raises(PteError, match=r"^rejected: hf:ada/other: HTTP 404: .*Create the repo"):
        publish_tree(tmp_path, "hf:ada/other")


def test_an_address_that_would_show_the_token(
    tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://example.org")
    write_tree(tmp_path / "tree")
    told = refused(tmp_path, hub)
    assert told.startswith("bad-repository: hf:ada/models: the Hub's address 'http://example.org'")


def test_someone_else_who_publishes_meanwhile(tmp_path: Path, hub: HubServer) -> None:
    write_tree(tmp_path / "tree")

    def step(name: str) -> None:
        if name == "commit":
            hub.edit("other.txt", b"x")

    with pytest.raises(PteError, match=r"^rejected: .*HTTP 412: .*publish again"):
        publish(request_for(tmp_path, REPOSITORY), lambda line: None, step)
    assert hub.tags == {}
    assert hub.files() == {"other.txt": b"x"}


def test_a_commit_that_fails(tmp_path: Path, hub: HubServer) -> None:
    write_tree(tmp_path / "tree")
    hub.fail("/commit/", status(500, "broken"))
    assert refused(tmp_path, hub).startswith("unreachable: hf:ada/models: HTTP 500: ")
    hub.asked.clear()
    publish_tree(tmp_path, REPOSITORY)
    # What the first run had sent is there.
    assert not [line for line in hub.asked if line.startswith("PUT")]


def test_a_commit_whose_answer_is_lost(tmp_path: Path, hub: HubServer) -> None:
    tree = write_tree(tmp_path / "tree")
    hub.fail("/commit/", take_and_hang_up)
    with pytest.raises(PteError, match=r"^unreachable: .* Nothing is published in part\. Publish"):
        publish_tree(tmp_path, REPOSITORY)
    assert hub.files() == files_below(tree)
    assert "nothing to do" in publish_tree(tmp_path, REPOSITORY)
    assert len(hub.commits) == 2
    assert hub.tags == {release_of(tree): hub.tip}


def test_a_tag_that_fails(tmp_path: Path, hub: HubServer) -> None:
    tree = write_tree(tmp_path / "tree")
    hub.fail("/tag/", status(503))
    with pytest.raises(PteError, match="The release is on main; its tag is missing"):
        publish_tree(tmp_path, REPOSITORY)
    publish_tree(tmp_path, REPOSITORY)
    assert hub.tags == {release_of(tree): hub.tip}


def test_a_host_that_does_not_answer(
    tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    write_tree(tmp_path / "tree")
    assert refused(tmp_path, hub).startswith("unreachable: hf:ada/models: http://127.0.0.1:9 does")


def test_a_tree_that_changes_meanwhile(tmp_path: Path, hub: HubServer) -> None:
    tree = write_tree(tmp_path / "tree")
    hub.fail("GET", lambda handler: bool((tree / "README.md").write_text("x")) and False)
    told = refused(tmp_path, hub)
    assert told.startswith("bad-tree: ")
    assert "README.md has SHA-256" in told


def test_killed_at_every_step(tmp_path: Path, hub: HubServer) -> None:
    old = files_below(write_tree(tmp_path / "tree", OLD))
    publish_here(tmp_path, REPOSITORY)
    new = files_below(write_tree(tmp_path / "tree", NEW))
    name = release_of(tmp_path / "tree")
    tip, tags, commits = hub.tip, dict(hub.tags), dict(hub.commits)
    seen: list[str] = []
    for killed in kill_at_every_step(tmp_path, REPOSITORY):
        seen.append(killed)
        assert hub.files() == (new if killed in ("tag", "end") else old), killed
        assert (name in hub.tags) == (killed == "end"), killed
        publish_here(tmp_path, REPOSITORY)
        assert hub.files() == hub.files(name) == new, killed
        assert len(hub.commits) == 3, killed
        hub.tip, hub.tags, hub.commits = tip, dict(tags), dict(commits)
    assert seen == ["upload large files", "commit", "tag", "end"]


def test_killed_before_the_first_tag(tmp_path: Path, hub: HubServer) -> None:
    name = release_of(write_tree(tmp_path / "tree"))
    assert run_until(tmp_path, REPOSITORY, 2).returncode == -signal.SIGKILL
    assert hub.tags == {}
    assert "nothing to do" in publish_tree(tmp_path, REPOSITORY)
    assert hub.tags == {name: hub.tip}
