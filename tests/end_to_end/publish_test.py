"""A tree of one program, published with `./pants publish` to a git repository and to a folder."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from end_to_end.clone import WITHOUT_OLDER, UserClone, git

SEEDED = "--weights-source=seeded"
ALLOWED = ("--tree-allow-unofficial", "--index-base-url=https://example.org/models")
PROGRAM = "1.5.1/mobilenet/mobilenet_v3_small_portable.pte"


def test_publish(clone: UserClone, tmp_path: Path) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = Ada\nemail = ada@example.org\n")
    remote, releases = tmp_path / "remote.git", tmp_path / "releases"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    repositories = [f"git+file:{remote}#branch=main", f"file:{releases}"]
    committer = replace(clone, environment={**clone.environment, "GIT_CONFIG_GLOBAL": str(config)})
    one = 'programs=["models/mobilenet:mobilenet_v3_small_portable"]'
    with (
        clone.edited("BUILD", 'programs=["models::"]', one),
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
