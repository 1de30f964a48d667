"""No program that the configuration of a checkout names may run: it may come from a stranger."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from pte_foundry.errors import PteError
from pte_foundry.testing.sample_repositories import PLAIN, commit_files, committed, git
from pte_foundry.testing.sample_trees import files_below, publish_tree, write_tree

REPOSITORY = "git+file:checkout#branch=main&folder=models"
HOOKS = (
    "applypatch-msg", "commit-msg", "fsmonitor-watchman", "post-applypatch", "post-checkout", "post-commit",
    "post-index-change", "post-merge", "post-rewrite", "pre-applypatch", "pre-auto-gc", "pre-commit",
    "pre-merge-commit",
    "pre-push", "pre-rebase", "prepare-commit-msg", "reference-transaction", "sendemail-validate",
)  # fmt: skip
# Settings that run a command, with `!` where one needs that. In the user's own configuration they stay allowed.
PROGRAMS = {
    "alias.status": "!",
    "core.alternateRefsCommand": "",
    "core.askPass": "",
    "core.editor": "",
    "core.fsmonitor": "",
    "core.gitProxy": "",
    "core.pager": "",
    "core.sshCommand": "",
    "credential.helper": "!",
    "diff.all.command": "",
    "diff.all.textconv": "",
    "diff.external": "",
    "gpg.program": "",
    "gpg.ssh.program": "",
    "merge.all.driver": "",
    "pager.config": "",
    "remote.origin.receivepack": "",
    "remote.origin.uploadpack": "",
    "sequence.editor": "",
    "submodule.models.update": "!",
    "trailer.sign.command": "",
    "uploadpack.packObjectsHook": "",
}
SETTINGS = {
    "commit.gpgSign": "true",
    "core.useBuiltinFSMonitor": "true",
    "fetch.recurseSubmodules": "true",
    "filter.all.required": "true",
    "gc.auto": "1",
    "merge.default": "all",
    "pager.status": "true",
    "protocol.allow": "always",
    "protocol.ext.allow": "always",
    "push.gpgSign": "true",
    "push.recurseSubmodules": "on-demand",
    "remote.origin.tagOpt": "--tags",
    "submodule.recurse": "true",
    "tag.gpgSign": "true",
}


@pytest.fixture()
def remote(tmp_path: Path, remote: Path) -> Path:
    commit_files(remote, tmp_path / "work", {"README.md": "mine\n", "app/main.dart": "app\n"})
    return remote


@pytest.fixture()
def checkout(tmp_path: Path, remote: Path) -> Path:
    git(tmp_path, "clone", "--quiet", str(remote), "checkout")
    return tmp_path / "checkout"


@pytest.fixture()
def ran(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a program that records its name in `ran` and copies its input, as a filter does."""
    (tmp_path / "ran").mkdir()

    def make(name: str) -> Path:
        program = tmp_path / "programs" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran/{name}'\nexec cat\n")
        program.chmod(0o755)
        return program

    return make


def names_that_ran(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "ran").iterdir())


def set_up(checkout: Path, ran: Callable[[str], Path], place: str) -> None:
    """Let every setting name a program, in the checkout's configuration or in a file that it includes."""
    config = checkout / ".git/config"
    target = config if place == "config" else checkout / ".git/more"
    target.touch()

    def put(name: str, value: str) -> None:
        git(checkout, "config", "--file", str(target), name, value)

    for name, start in PROGRAMS.items():
        put(name, f"{start}{ran(name)}")
    for name, value in SETTINGS.items():
        put(name, value)
    for kind in ("clean", "smudge", "process"):
        put(f"filter.all.{kind}", str(ran(f"filter.{kind}")))
    attributes = "* filter=all diff=all merge=all\n"
    (checkout / ".git/info/attributes").write_text(attributes)
    (checkout / ".git/attributes").write_text(attributes)
    put("core.attributesFile", str(checkout / ".git/attributes"))
    put(f"url.ext::{ran('insteadOf')} .insteadOf", "file:")
    for hook in HOOKS:
        (checkout / ".git/hooks" / hook).write_bytes(ran(f"hook.{hook}").read_bytes())
        (checkout / ".git/hooks" / hook).chmod(0o755)
        (checkout / ".git/other-hooks").mkdir(exist_ok=True)
        (checkout / ".git/other-hooks" / hook).symlink_to(ran(f"hooksPath.{hook}"))
    if place == "hooksPath":
        put("core.hooksPath", str(checkout / ".git/other-hooks"))
    if target != config:
        git(checkout, "config", "include.path", str(target))


@pytest.mark.parametrize("place", ["config", "include", "hooksPath"])
@pytest.mark.parametrize("behind", [False, True], ids=["new", "behind"])
def test_no_program_of_the_checkout_runs(
    tmp_path: Path,
    remote: Path,
    checkout: Path,
    ran: Callable[[str], Path],
    place: str,
    behind: bool,
) -> None:
    tree = write_tree(tmp_path / "tree")
    if behind:
        publish_tree(tmp_path, REPOSITORY)
        git(checkout, "reset", "--quiet", "--hard", "HEAD~1")
    set_up(checkout, ran, place)
    # Makes git read the file again.
    (checkout / "README.md").touch()
    publish_tree(tmp_path, REPOSITORY)
    assert names_that_ran(tmp_path) == []
    for name in ("config", "info/attributes"):
        (checkout / ".git" / name).unlink()
    expected = {**files_below(tree), **PLAIN}
    assert files_below(checkout / "models") == committed(remote, below="models") == expected
    assert (checkout / ".git/refs/heads/main").read_text().strip() == git(
        remote, "rev-parse", "main"
    )


def test_the_programs_would_run(tmp_path: Path, checkout: Path, ran: Callable[[str], Path]) -> None:
    """Otherwise the test above could not fail."""
    set_up(checkout, ran, "config")
    for name in ("filter.all.process", "core.fsmonitor"):  # They speak a protocol.
        git(checkout, "config", "--unset", name)
    (checkout / "README.md").write_text("other\n")
    git(checkout, "add", "README.md")
    git(checkout, "update-ref", "refs/heads/other", "HEAD")
    assert {"filter.clean", "hook.reference-transaction"} <= set(names_that_ran(tmp_path))


@pytest.mark.parametrize("url", ["ext::sh -c touch% ran/ext", "ssh://host.invalid/models.git"])
def test_an_address_that_runs_something(
    tmp_path: Path,
    checkout: Path,
    ran: Callable[[str], Path],
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    git(checkout, "remote", "set-url", "origin", url)
    for name in ("core.sshCommand", "core.gitProxy"):
        git(checkout, "config", name, str(ran(name)))
    git(checkout, "config", "protocol.ext.allow", "always")
    # Only the user's own ssh may run.
    (tmp_path / "bin").mkdir()
    ssh = ran("ssh")
    ssh.write_text(ssh.read_text().replace("exec cat", "exit 1"))
    (tmp_path / "bin/ssh").symlink_to(ssh)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    write_tree(tmp_path / "tree")
    with pytest.raises(PteError) as caught:
        publish_tree(tmp_path, REPOSITORY)
    assert caught.value.kind == "git"
    assert names_that_ran(tmp_path) == (["ssh"] if url.startswith("ssh:") else [])


def test_the_user_of_the_checkout_commits(tmp_path: Path, remote: Path, checkout: Path) -> None:
    git(checkout, "config", "user.name", "-Grace")
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, REPOSITORY)
    assert git(remote, "log", "--format=%an", "-1", "main") == "-Grace"


def test_excluded_files_are_not_changes(tmp_path: Path, checkout: Path) -> None:
    (checkout / ".git/info/exclude").write_text("notes.txt\n")
    (checkout / "notes.txt").write_text("mine")
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, REPOSITORY)
    assert (checkout / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ['"quoted"', "with:colon", "with space"])
def test_odd_names_of_folders(tmp_path: Path, remote: Path, name: str) -> None:
    git(tmp_path, "clone", "--quiet", str(remote), name)
    write_tree(tmp_path / "tree")
    repository = f"git+file:{quote(name)}#branch=main&folder=models"
    publish_tree(tmp_path, repository)
    assert git(tmp_path / name, "status", "--porcelain") == ""
    assert git(tmp_path / name, "rev-parse", "HEAD") == git(remote, "rev-parse", "main")


def test_a_shallow_checkout(tmp_path: Path, remote: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", remote.as_uri(), "checkout")
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, REPOSITORY)
    assert git(tmp_path / "checkout", "status", "--porcelain") == ""
    git(tmp_path / "checkout", "fsck")
    assert git(remote, "rev-list", "--count", "main") == "3"


def test_an_address_relative_to_the_checkout(tmp_path: Path, remote: Path, checkout: Path) -> None:
    git(checkout, "remote", "set-url", "origin", "../remote.git")
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, REPOSITORY)
    assert git(remote, "tag").startswith("v1.4.1-")


def test_two_addresses_of_the_remote(tmp_path: Path, checkout: Path) -> None:
    git(checkout, "remote", "set-url", "--add", "origin", "../other.git")
    write_tree(tmp_path / "tree")
    with pytest.raises(PteError, match="more than one address for its remote `origin`"):
        publish_tree(tmp_path, REPOSITORY)
