"""A tree of one program, published with `./pants publish`: to a git repository and a folder; to GitHub and the Hub."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from end_to_end.clone import WITHOUT_OLDER, UserClone, git
from pte_foundry.client.catalogue import open_catalogue
from pte_foundry.testing import github_server, hub_server

SEEDED = "--weights-source=seeded"
ALLOWED = ("--tree-allow-unofficial", "--index-base-url=https://example.org/models")
PROGRAM = "1.5.1/mobilenet/mobilenet_v3_small_portable.pte"
ONE = 'programs=["models/mobilenet:mobilenet_v3_small_portable"]'


def test_publish(clone: UserClone, tmp_path: Path) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = Ada\nemail = ada@example.org\n")
    remote, releases = tmp_path / "remote.git", tmp_path / "releases"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    repositories = [f"git+file:{remote}#branch=main", f"file:{releases}"]
    committer = replace(clone, environment={**clone.environment, "GIT_CONFIG_GLOBAL": str(config)})
    with (
        clone.edited("BUILD", 'programs=["models::"]', ONE),
        clone.edited("BUILD", *WITHOUT_OLDER),
        clone.edited("BUILD", 'name="tree",', f'name="tree", repositories={repositories},'),
    ):
        refused = committer.run(SEEDED, "publish", "//:tree")
        assert refused.exit_code == 1, refused.output
        assert "pte-foundry: refused: //:tree is not published" in refused.output
        assert "--tree-allow-unofficial" in refused.output
        assert "--index-base-url" in refused.output
        assert git(remote, "for-each-ref") == ""
        assert not releases.exists()

        published = committer.run(SEEDED, *ALLOWED, "publish", "//:tree")
        assert published.exit_code == 0, published.output
        release = git(remote, "tag")
        assert release.startswith("v1.5.1-")
        for repository in repositories:
            assert f"//:tree: published {release} to {repository}: " in published.output

        again = committer.run(SEEDED, *ALLOWED, "publish", "//:tree")
        assert again.exit_code == 0, again.output
        assert again.output.count(f"has {release} already, nothing to do") == 2
    assert git(remote, "log", "--format=%an: %s", "main") == f"Ada: Publish {release}"
    current = releases / "current"
    assert current.resolve() == releases / release
    git(tmp_path, "clone", "--quiet", "--branch", release, str(remote), "consumer")
    for tree in (current, tmp_path / "consumer"):
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tree, check=True)
        assert (tree / PROGRAM).read_bytes()[4:8] == b"ET12"
    listed = {
        path
        for path in git(remote, "ls-tree", "-r", "--name-only", "main").splitlines()
        if path != ".gitattributes"
    }
    assert listed == {str(p.relative_to(current)) for p in current.rglob("*") if p.is_file()}


def test_publish_to_hosts(clone: UserClone, tmp_path: Path) -> None:
    repositories = ["github:ada/models", "hf:ada/models"]
    with (
        github_server.serve_github() as github,
        hub_server.serve_hub() as hub,
        clone.edited("BUILD", 'programs=["models::"]', ONE),
        clone.edited("BUILD", *WITHOUT_OLDER),
        clone.edited("BUILD", 'name="tree",', f'name="tree", repositories={repositories},'),
    ):
        settings = {
            "GITHUB_API_URL": f"{github.url}/api",
            "GITHUB_TOKEN": github_server.TOKEN,
            "HF_ENDPOINT": hub.url,
            "HF_HUB_DISABLE_XET": "1",
            "HF_TOKEN": hub_server.TOKEN,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        publisher = replace(clone, environment={**clone.environment, **settings})
        published = publisher.run(SEEDED, "--tree-allow-unofficial", "publish", "//:tree")
        assert published.exit_code == 0, published.output
        (release,) = hub.tags
        for repository in repositories:
            assert f"//:tree: published {release} to {repository}: " in published.output
        assert list(github.published()) == [release]
        assert hub.files()["README.md"].startswith(b"---\nlibrary_name: executorch\n")
        again = publisher.run(SEEDED, "--tree-allow-unofficial", "publish", "//:tree")
        assert again.exit_code == 0, again.output
        assert again.output.count(f"has {release} already, nothing to do") == 2
        for token in (github_server.TOKEN, hub_server.TOKEN):
            assert token not in published.output + again.output
        for number, location in enumerate(
            (
                f"{github.url}/ada/models/releases/latest/download",
                f"{hub.url}/ada/models/resolve/{release}",
            )
        ):
            catalogue = open_catalogue(location, cache=tmp_path / f"cache{number}")
            artifact = catalogue.best("mobilenet_v3_small", "linux", backends=["portable"])
            assert catalogue.fetch(artifact).read_bytes() == hub.files()[PROGRAM]
