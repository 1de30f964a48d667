"""The files that CI hosts read match their hosts' schemas, and grant no more rights than intended."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

GITHUB = Path(".github/workflows/ci.yml")
GITLAB = Path(".gitlab-ci.yml")
_WRITE_TOKEN = "REMOTE_CACHE_WRITE_TOKEN"
_SCRIPT = re.compile(r"\.ci/\w+")


def read(file: Path) -> dict[Any, Any]:
    content = yaml.safe_load(file.read_text())
    assert isinstance(content, dict)
    return content


GITHUB_JOBS: dict[str, Any] = read(GITHUB)["jobs"]
GITLAB_JOBS: dict[str, Any] = {
    name: job for name, job in read(GITLAB).items() if isinstance(job, dict) and "script" in job
}


def schema_check(file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs check-jsonschema with the schemas that it ships."""
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *options, str(file)],
        capture_output=True,
        text=True,
        check=False,
    )


GITHUB_OPTIONS = ("--builtin-schema", "vendor.github-workflows")
GITLAB_OPTIONS = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")


@pytest.mark.parametrize(("file", "options"), [(GITHUB, GITHUB_OPTIONS), (GITLAB, GITLAB_OPTIONS)])
def test_the_schema_of_the_host(file: Path, options: tuple[str, ...]) -> None:
    finished = schema_check(file, *options)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize(
    ("file", "options", "old", "new"),
    [
        (GITHUB, GITHUB_OPTIONS, "runs-on:", "run-on:"),
        (GITHUB, GITHUB_OPTIONS, "timeout-minutes: 120", "timeout-minutes: long"),
        (GITLAB, GITLAB_OPTIONS, "interruptible: true", "interruptible: perhaps"),
    ],
)
def test_the_schema_finds_mistakes(
    file: Path, options: tuple[str, ...], old: str, new: str, tmp_path: Path
) -> None:
    text = file.read_text()
    assert old in text
    wrong = tmp_path / file.name
    wrong.write_text(text.replace(old, new))
    assert schema_check(wrong, *options).returncode == 1


def test_both_hosts_have_the_same_jobs_and_scripts() -> None:
    github = {
        name: {script for step in job["steps"] for script in _SCRIPT.findall(step.get("run", ""))}
        for name, job in GITHUB_JOBS.items()
    }
    gitlab = {
        name: {script for line in job["script"] for script in _SCRIPT.findall(line)}
        for name, job in GITLAB_JOBS.items()
    }
    assert github == gitlab
    assert github == {
        "pull-request": {".ci/pull_request"},
        "main": {".ci/main"},
        "release": {".ci/release"},
    }


def test_linux_and_macos() -> None:
    for name in ("pull-request", "main"):
        systems = [each["os"] for each in GITHUB_JOBS[name]["strategy"]["matrix"]["include"]]
        assert [system.partition("-")[0] for system in systems] == ["ubuntu", "macos"]
    runners = read(GITLAB)[".hosts"]["parallel"]["matrix"][0]["RUNNER"]
    assert ["linux" in runners[0], "macos" in runners[1]] == [True, True]


@pytest.mark.parametrize("jobs", [GITHUB_JOBS, GITLAB_JOBS], ids=["github", "gitlab"])
def test_only_the_main_branch_writes_to_the_cache(jobs: dict[str, Any]) -> None:
    assert [name for name, job in jobs.items() if _WRITE_TOKEN in yaml.safe_dump(job)] == ["main"]
    assert "REMOTE" not in yaml.safe_dump(jobs["release"])


def test_jobs_run_only_for_their_own_events() -> None:
    assert set(read(GITHUB)[True]) == {"pull_request", "push"}  # YAML 1.1 reads `on` as true
    for name, event in (
        ("pull-request", "github.event_name == 'pull_request'"),
        ("main", "github.ref == 'refs/heads/main'"),
        ("release", "startsWith(github.ref, 'refs/tags/v')"),
    ):
        assert event in GITHUB_JOBS[name]["if"]
    assert {name: job["rules"][0]["if"] for name, job in GITLAB_JOBS.items()} == {
        "pull-request": '$CI_PIPELINE_SOURCE == "merge_request_event"',
        "main": '$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH',
        "release": "$CI_COMMIT_TAG =~ /^v/",
    }


def test_only_the_release_may_write_to_the_repository() -> None:
    assert read(GITHUB)["permissions"] == {"contents": "read"}
    assert [name for name, job in GITHUB_JOBS.items() if "permissions" in job] == ["release"]


def test_actions_are_named_by_commit() -> None:
    used = re.findall(r"uses: (\S+)", GITHUB.read_text())
    assert used
    assert [name for name in used if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", name)] == []


def test_nothing_of_a_request_gets_into_a_shell_command() -> None:
    commands = [
        step["run"] for job in GITHUB_JOBS.values() for step in job["steps"] if "run" in step
    ]
    assert len(commands) == len(GITHUB_JOBS)
    assert [command for command in commands if "${{" in command] == []
