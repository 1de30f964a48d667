"""Git repositories for the tests of publishing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

PLAIN = {".gitattributes": b"* -text\n"}
"""What `publish` adds to a tree in a git repository."""

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


def only_this_git(monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    """Replace the user's own configuration of git, by the file that is returned."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    home.mkdir(exist_ok=True)
    config = home / "gitconfig"
    config.write_text("[user]\nname = Ada\nemail = ada@example.org\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return config


def git(folder: Path, *arguments: str) -> str:
    """Run git as Ada; what it says, without the final newline."""
    finished = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env={**os.environ, **IDENTITY},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.rstrip("\n")


def bare_repository(folder: Path, *, empty: bool = False) -> Path:
    """A bare repository, with one empty commit on `main` unless it is to be empty."""
    git(folder.parent, "init", "--quiet", "--bare", "--initial-branch=main", str(folder))
    if not empty:
        tree = git(folder, "mktree")
        git(
            folder, "update-ref", "refs/heads/main", git(folder, "commit-tree", "-m", "First", tree)
        )
    return folder


def committed(folder: Path, revision: str = "main", below: str = "") -> dict[str, bytes]:
    """Path -> content of what a commit holds below a folder."""
    prefix = f"{below}/" if below else ""
    names = git(folder, "ls-tree", "-r", "--name-only", revision).splitlines()
    return {
        name[len(prefix) :]: subprocess.run(
            ["git", "-C", str(folder), "show", f"{revision}:{name}"],
            capture_output=True,
            check=True,
        ).stdout
        for name in names
        if name.startswith(prefix)
    }


def commit_files(remote: Path, work: Path, files: dict[str, str]) -> str:
    """Clone, write files, commit and push as another user would; returns the commit."""
    git(work.parent, "clone", "--quiet", str(remote), str(work))
    for path, text in files.items():
        place = work / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        if text.startswith("-> "):
            place.symlink_to(text[3:])
        else:
            place.write_text(text)
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "-m", "By hand")
    git(work, "push", "--quiet", "origin", "HEAD:main")
    return git(work, "rev-parse", "HEAD")


def set_hook(repository: Path, name: str, script: str) -> Path:
    """Install a hook in a bare repository."""
    hook = repository / "hooks" / name
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o755)
    return hook


def refs(folder: Path) -> str:
    """Every branch and tag with what it leads to."""
    return git(folder, "for-each-ref")
