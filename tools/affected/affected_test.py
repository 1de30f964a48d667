from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from affected import affected
from affected.affected import (
    AffectedError,
    Change,
    pants_arguments,
    read_changes,
    target_locks,
    why_everything,
)

REPOSITORY = Path(affected.__file__).resolve().parents[2]
SEEN = {"coreml", "executorch"}


@pytest.mark.parametrize(
    "path",
    [
        "pants.toml",
        "pants.ci.toml",
        "pants.remote.toml",
        "pants",
        ".pants.bootstrap",
        ".ci/run",
        ".github/workflows/ci.yml",
        ".gitlab-ci.yml",
        "pyproject.toml",
        "tools/macros/pte_model.py",
        "tools/pants-plugins/pte_build/program/export.py",
        "tools/bootstrap/pants-2.17.1.txt",
        "3rdparty/python/dev.lock",
        "3rdparty/python/pytest.lock",
        "3rdparty/python/plugin.lock",
        "3rdparty/python/new.lock",
    ],
)
def test_everything_runs_where_no_target_has_the_file(path: str) -> None:
    assert why_everything([Change("M", "README.md"), Change("M", path)], SEEN) == f"{path} changed"


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "3rdparty/python/coreml.lock",
        "3rdparty/python/BUILD",
        "models/yolo/BUILD",
        "src/python/pte_foundry/models/yolo.py",
        "src/pants.toml",
        "docs/pants",
    ],
)
def test_pants_finds_what_depends_on_other_files(path: str) -> None:
    assert why_everything([Change("M", path), Change("A", path)], SEEN) is None


def test_everything_runs_after_a_deletion() -> None:
    assert why_everything([Change("D", "src/a.py")], SEEN) == "src/a.py was deleted"


def test_the_arguments_of_pants() -> None:
    wanted = ["--weights-source=seeded", "test"]
    assert pants_arguments("origin/main", False, wanted) == [
        "--changed-since=origin/main", "--changed-dependents=transitive", *wanted,
    ]  # fmt: skip
    assert pants_arguments("origin/main", True, wanted) == [*wanted, "::"]


def test_the_locks_that_pants_sees_are_those_of_programs_and_pictures() -> None:
    locks = {file.stem for file in (REPOSITORY / "3rdparty/python").glob("*.lock")}
    seen = target_locks(REPOSITORY)
    assert seen < locks
    assert {"coreml", "executorch", "executorch_1_4", "photographs", "qnn", "timm"} < seen
    assert seen.isdisjoint({"dev", "executorch_next", "plugin", "pytest"})


def test_a_lock_is_seen_once_a_backend_names_it(tmp_path: Path) -> None:
    lock = Change("M", "3rdparty/python/mine.lock")
    for name, text in {
        "toolchains/BUILD": 'pte_backend(name="a", resolve="engine")\n',
        "models/b/BUILD": "pte_model(name='b', builder_resolve = 'family')\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    assert target_locks(tmp_path) == {"engine", "family"}
    assert why_everything([lock], target_locks(tmp_path)) is not None
    with (tmp_path / "toolchains/BUILD").open("a") as file:
        file.write('pte_backend(name="mine", resolve="mine")\n')
    assert why_everything([lock], target_locks(tmp_path)) is None


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture()
def work(tmp_path: Path) -> Path:
    """A repository whose branches `topic` and `main` have diverged."""
    root = tmp_path / "work"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    for name in ("kept.py", "edited.py", "deleted.py", "renamed.py", "upstream.py"):
        (root / name).write_text(f"# {name}\n" * 10)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "First")
    git(root, "branch", "topic")
    (root / "upstream.py").write_text("changed\n")
    git(root, "commit", "--quiet", "-am", "Upstream")
    git(root, "checkout", "--quiet", "topic")
    (root / "edited.py").write_text("edited\n")
    (root / "deleted.py").unlink()
    git(root, "mv", "renamed.py", "with blank.py")
    git(root, "commit", "--quiet", "-am", "Topic")
    (root / "untracked.py").touch()
    return root


def test_changes_are_those_since_the_common_commit(work: Path) -> None:
    assert {(change.status, change.path) for change in read_changes(work, "main")} == {
        ("M", "edited.py"),
        ("D", "deleted.py"),
        ("D", "renamed.py"),
        ("A", "with blank.py"),
        ("A", "untracked.py"),
    }


def test_without_a_change_there_is_none(work: Path) -> None:
    (work / "untracked.py").unlink()
    assert read_changes(work, "HEAD") == []


@pytest.mark.parametrize("since", ["origin/main", "--output=file"])
def test_an_unknown_commit_is_an_error(work: Path, since: str) -> None:
    with pytest.raises(AffectedError, match="fetch-depth 0"):
        read_changes(work, since)
    assert not (work / "file").exists()


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the tool in `root`, with a ./pants that prints its arguments."""
    (root / "tools/affected").mkdir(parents=True)
    shutil.copy(affected.__file__, root / "tools/affected")
    launcher = root / "pants"
    launcher.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 7\n')
    launcher.chmod(0o700)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "Tool")
    (root / "edited.py").write_text("edited again\n")
    return subprocess.run(
        [sys.executable, str(root / "tools/affected/affected.py"), *arguments],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def test_pants_is_run_in_the_repository_and_its_exit_code_is_kept(work: Path) -> None:
    finished = run(work, "--since", "HEAD", "--", "--tag=a b", "test")
    assert finished.returncode == 7, finished.stderr
    assert finished.stdout.splitlines() == [
        "--changed-since=HEAD", "--changed-dependents=transitive", "--tag=a b", "test",
    ]  # fmt: skip
    assert "1 changed files; what depends on them runs" in finished.stderr


def test_it_says_why_everything_runs(work: Path) -> None:
    finished = run(work, "--since", "main", "--", "test")
    assert finished.stdout.splitlines() == ["test", "::"]
    assert "everything runs: deleted.py was deleted" in finished.stderr


def test_pants_is_not_run_if_the_change_cannot_be_read(work: Path) -> None:
    finished = run(work, "--since", "nonesuch", "--", "test")
    assert (finished.returncode, finished.stdout) == (2, "")
