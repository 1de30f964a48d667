"""Publishing to the releases of a repository on GitHub."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from pte_foundry.client.catalogue import open_catalogue
from pte_foundry.client.retrying import Retrying
from pte_foundry.errors import PteError
from pte_foundry.publishing import github_target
from pte_foundry.testing.github_server import TOKEN, GithubServer, other_bytes, status
from pte_foundry.testing.publisher_runs import NEW, OLD, publish_here
from pte_foundry.testing.sample_trees import files_below, publish_tree, release_of, write_tree

REPOSITORY = "github:ada/models"
PROGRAM = "1.4.1--toy--alpha_xnnpack.pte"


def refused(folder: Path, github: GithubServer, **changes: object) -> str:
    """The message of a refusal, after which nothing has changed. The token is in no message."""
    before = github.state()
    with pytest.raises(PteError) as caught:
        publish_tree(folder, REPOSITORY, **changes)
    assert github.state() == before
    assert TOKEN not in str(caught.value)
    return str(caught.value)


def fetched(tmp_path: Path, location: str, model: str = "alpha") -> bytes:
    """What a client gets, as one who has no account."""
    catalogue = open_catalogue(location, cache=tmp_path / "cache", retrying=Retrying(attempts=1))
    artifact = catalogue.best(model, "linux", backends=["xnnpack", "portable"])
    labels = catalogue.fetch_labels(artifact)
    assert labels is not None
    assert labels.read_bytes() == b"cat\ncup"
    return catalogue.fetch(artifact).read_bytes()


def test_a_first_release(tmp_path: Path, github: GithubServer) -> None:
    tree = write_tree(tmp_path / "tree", base_url=".", measured="a plot")
    name = release_of(tree)
    assert publish_tree(tmp_path, REPOSITORY) == (
        f"//:tree: published {name} to {REPOSITORY}: 3 added, 0 changed, 0 removed"
    )
    (release,) = github.releases.values()
    assert github.current() is release
    assert release.values["name"] == release.values["tag_name"] == name
    assert f"Publish {name}" in release.values["body"]
    assets = github.published()[name]
    expected = {}
    for path, content in files_below(tree).items():
        document = path == "versions.json" or path.endswith("index.json")
        expected[f"{'tree--' if document else ''}{path.replace('/', '--')}"] = content
    rewritten = {"index.json", "versions.json", "1.4.1--index.json"}
    assert {key: text for key, text in assets.items() if key not in rewritten} == expected
    assert assets.keys() == expected.keys() | rewritten
    assert "measured--toy.svg" in assets
    assert json.loads(assets["versions.json"]) == {
        "versions": ["1.4.1"],
        "latest": "1.4.1",
        "indexes": {"1.4.1": "1.4.1--index.json"},
    }
    address = f"{github.url}/ada/models/releases/download/{name}"
    index = json.loads(assets["index.json"])
    assert index["baseUrl"] == address
    assert {entry["remoteUrl"] for entry in index["models"]} == {
        f"{address}/1.4.1--toy--alpha_portable.pte",
        f"{address}/{PROGRAM}",
    }
    labels = f"{address}/1.4.1--toy--labels.txt"
    assert {entry["labelsRemoteUrl"] for entry in index["models"]} == {labels}
    assert [entry["remoteUrl"] for entry in index["labels"]] == [labels]


def test_clients_fetch_from_a_release_and_from_the_latest(
    tmp_path: Path, github: GithubServer
) -> None:
    first = release_of(write_tree(tmp_path / "tree"))
    publish_tree(tmp_path, REPOSITORY)
    write_tree(tmp_path / "tree", NEW)
    publish_tree(tmp_path, REPOSITORY, changed=True)
    releases = f"{github.url}/ada/models/releases"
    assert fetched(tmp_path, f"{releases}/download/{first}") == b"fast"
    assert fetched(tmp_path, f"{releases}/latest/download") == b"faster"
    assert fetched(tmp_path, f"{releases}/latest/download", "beta") == b"b"


def test_nothing_is_sent_the_second_time(tmp_path: Path, github: GithubServer) -> None:
    tree = write_tree(tmp_path / "tree")
    publish_tree(tmp_path, REPOSITORY)
    before = github.state()
    github.asked.clear()
    write_tree(tree, commit="0b", readme="Read me again.\n")
    told = publish_tree(tmp_path, REPOSITORY)
    assert f"has {release_of(tree)} already, nothing to do; its pages stay" in told
    assert github.state() == before
    assert {line.split()[0] for line in github.asked} == {"GET"}


def test_an_old_release_becomes_the_latest_again(tmp_path: Path, github: GithubServer) -> None:
    old = release_of(write_tree(tmp_path / "tree", OLD))
    publish_here(tmp_path, REPOSITORY)
    new = release_of(write_tree(tmp_path / "tree", NEW))
    publish_here(tmp_path, REPOSITORY)
    before = github.published()
    write_tree(tmp_path / "tree", OLD)
    told = publish_tree(tmp_path, REPOSITORY, changed=True, removed=True)
    assert f"published {old}, a release that was there before" in told
    current = github.current()
    assert current is not None
    assert current.values["tag_name"] == old
    assert github.published() == before
    assert before.keys() == {old, new}


def test_versions_are_merged_and_their_files_are_carried_over(
    tmp_path: Path, github: GithubServer
) -> None:
    write_tree(tmp_path / "tree", version="1.5.0", measured="of 1.5.0")
    publish_tree(tmp_path, REPOSITORY)
    (first,) = github.published().values()
    write_tree(tmp_path / "tree", {"alpha_xnnpack": b"old"}, version="1.4.1")
    publish_tree(tmp_path, REPOSITORY)
    current = github.current()
    assert current is not None
    assets = github.published()[current.values["tag_name"]]
    versions = json.loads(assets["versions.json"])
    assert versions["versions"] == ["1.4.1", "1.5.0"]
    carried = ("1.5.0--toy--alpha_xnnpack.pte", "tree--1.5.0--index.json", "measured--toy.svg")
    assert [assets[name] for name in carried] == [first[name] for name in carried]
    assert assets[PROGRAM] == b"old"
    assert "nothing to do" in publish_tree(tmp_path, REPOSITORY)
    location = f"{github.url}/ada/models/releases/latest/download"
    catalogue = open_catalogue(location, version="1.4.1", cache=tmp_path / "cache")
    assert catalogue.fetch(catalogue.best("alpha", "linux")).read_bytes() == b"old"


def test_refusals_of_every_repository_apply(tmp_path: Path, github: GithubServer) -> None:
    write_tree(tmp_path / "tree", source="seeded")
    assert "--tree-allow-unofficial" in refused(tmp_path, github)
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, REPOSITORY)
    write_tree(tmp_path / "tree", {"alpha_xnnpack": b"faster"})
    told = refused(tmp_path, github)
    assert "--tree-allow-changed" in told
    assert "--tree-allow-removed" in told


def test_a_large_file_is_refused_before_anything_is_sent(
    tmp_path: Path, github: GithubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert github_target.LARGEST_ASSET + 1 == 2**31
    monkeypatch.setattr(github_target, "LARGEST_ASSET", len(b"portable") - 1)
    # No other file may be the reason.
    tree = write_tree(tmp_path / "tree")
    told = refused(tmp_path, github)
    assert "1.4.1/toy/alpha_portable.pte has 8 bytes" in told
    assert "alpha_xnnpack" not in told
    assert {line.split()[0] for line in github.asked} == {"GET"}
    size = max(len(text) for text in files_below(tree).values())
    monkeypatch.setattr(github_target, "LARGEST_ASSET", size)
    publish_tree(tmp_path, REPOSITORY)


def test_more_assets_than_a_release_can_have(
    tmp_path: Path, github: GithubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = write_tree(tmp_path / "tree")
    count = len(files_below(tree)) + 3
    monkeypatch.setattr(github_target, "MOST_ASSETS", count - 1)
    assert f"the tree needs {count}" in refused(tmp_path, github)
    monkeypatch.setattr(github_target, "MOST_ASSETS", count)
    publish_tree(tmp_path, REPOSITORY)
    (assets,) = github.published().values()
    assert len(assets) == count


def test_a_name_that_could_be_taken_for_another(tmp_path: Path, github: GithubServer) -> None:
    write_tree(tmp_path / "tree", {"alpha--x_portable": b"p"})
    assert "1.4.1/toy/alpha--x_portable.pte" in refused(tmp_path, github)


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({"archived": True, "permissions": {"push": True}}, "it is archived"),
        ({"archived": False, "permissions": {"push": False}}, "may not write to it"),
    ],
)
def test_a_repository_that_takes_nothing(
    tmp_path: Path, github: GithubServer, about: dict[str, object], expected: str
) -> None:
    github.about = about
    write_tree(tmp_path / "tree")
    assert expected in refused(tmp_path, github)


def test_a_repository_that_is_not_there(tmp_path: Path, github: GithubServer) -> None:
    write_tree(tmp_path / "tree")
    with pytest.raises(PteError, match=r"^refused: github:ada/other: there is no such repository"):
        publish_tree(tmp_path, "github:ada/other")


def test_a_repository_with_releases_of_something_else(tmp_path: Path, github: GithubServer) -> None:
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, REPOSITORY)
    (release,) = github.releases.values()
    release.values["tag_name"] = "v2.0"
    assert "its latest release is 'v2.0', which is not one of a tree" in refused(tmp_path, github)


@pytest.mark.parametrize("token", [None, "", "two words", f"{TOKEN}\nX-Other: 1"])
def test_without_a_token(
    tmp_path: Path, github: GithubServer, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    if token is None:
        monkeypatch.delenv("GITHUB_TOKEN")
    else:
        monkeypatch.setenv("GITHUB_TOKEN", token)
    write_tree(tmp_path / "tree")
    assert refused(tmp_path, github).startswith("no-token: github:ada/models: GITHUB_TOKEN is not")
    assert github.asked == []


def test_a_token_that_github_does_not_know(
    tmp_path: Path, github: GithubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_other")
    write_tree(tmp_path / "tree")
    told = refused(tmp_path, github)
    assert told.startswith("rejected: github:ada/models: ")
    assert "HTTP 401, Bad credentials. Set GITHUB_TOKEN to a token that is valid" in told
    assert "ghp_other" not in told


def test_a_host_that_repeats_the_token(tmp_path: Path, github: GithubServer) -> None:
    github.fail("GET", status(418, f"no {TOKEN}"))
    write_tree(tmp_path / "tree")
    assert "HTTP 418, no …" in refused(tmp_path, github)


@pytest.mark.parametrize("address", ["http://example.org/api", "ftp://example.org", "x"])
def test_an_address_that_would_show_the_token(
    tmp_path: Path, github: GithubServer, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("GITHUB_API_URL", address)
    write_tree(tmp_path / "tree")
    told = refused(tmp_path, github)
    assert told.startswith("bad-repository: ")
    assert "GITHUB_API_URL" in told


@pytest.mark.parametrize("digests", [True, False])
@pytest.mark.parametrize("name", [PROGRAM, "README.md", "index.json", "versions.json"])
def test_a_release_that_was_changed(
    tmp_path: Path, github: GithubServer, name: str, digests: bool
) -> None:
    github.digests = digests
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, REPOSITORY)
    assert "nothing to do" in publish_tree(tmp_path, REPOSITORY)
    (release,) = github.releases.values()
    release.assets[name].content = b"{}"
    told = refused(tmp_path, github)
    assert told.startswith("bad-tree: github:ada/models: v1.4.1-")
    assert name.replace("--", "/") in told or name in told
    del release.assets[name]
    assert "is missing" in refused(tmp_path, github)


def test_a_release_with_other_content_under_the_name(tmp_path: Path, github: GithubServer) -> None:
    write_tree(tmp_path / "tree", {"beta_portable": b"b"})
    publish_tree(tmp_path, REPOSITORY)
    (release,) = github.releases.values()
    other = hashlib.sha256(b"b").hexdigest()
    assert other in release.assets["SHA256SUMS"].content.decode()
    ours = release_of(write_tree(tmp_path / "tree"))
    # The same assets under another tag, with addresses that fit.
    old = release.values["tag_name"]
    for each in ("index.json", "1.4.1--index.json"):
        asset = release.assets[each]
        asset.content = asset.content.replace(old.encode(), ours.encode())
    release.values["tag_name"] = ours
    told = refused(tmp_path, github, removed=True)
    assert f"the release {ours} has other content" in told


@pytest.mark.parametrize("digests", [True, False])
def test_an_asset_that_arrives_in_part(tmp_path: Path, github: GithubServer, digests: bool) -> None:
    github.digests = digests
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, REPOSITORY)
    github.fail("GET /storage", other_bytes(b"0123"))
    told = refused(tmp_path, github)
    assert told.startswith(
        "unreachable: github:ada/models: 4 bytes of the asset SHA256SUMS arrived"
    )


def test_an_asset_that_arrives_changed(tmp_path: Path, github: GithubServer) -> None:
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, REPOSITORY)
    (release,) = github.releases.values()
    size = len(release.assets["SHA256SUMS"].content)
    github.fail("GET /storage", other_bytes(b"0" * size))
    told = refused(tmp_path, github)
    assert told.startswith(f"unreachable: github:ada/models: {size} bytes of the asset")


def test_a_repository_that_has_moved(tmp_path: Path, github: GithubServer) -> None:
    write_tree(tmp_path / "tree")
    elsewhere = f"{github.url}/elsewhere"
    github.fail("GET", status(301, "Moved Permanently", Location=elsewhere))
    assert "has another name now" in refused(tmp_path, github)
    assert not [line for line in github.asked if "elsewhere" in line]
