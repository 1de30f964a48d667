"""The scripts that CI hosts run, with a ./pants that records its arguments."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ADDRESS = "grpcs://cache.example.org"
BASE_URL = "https://models.example.org"
REPOSITORY = "git+https://git.example.org/models.git#branch=main"
_PANTS = """#!{python}
import json, os, sys
token = os.environ.get("PANTS_REMOTE_OAUTH_BEARER_TOKEN_PATH")
call = {{
    "arguments": sys.argv[1:],
    "token": token and open(token).read(),
    "token_mode": token and oct(os.stat(token).st_mode & 0o77) + oct(os.stat(os.path.dirname(token)).st_mode & 0o77),
    "token_folder": token and os.path.dirname(token),
    "environment": {{name: value for name, value in os.environ.items() if "REMOTE" in name or "PANTS" in name}},
    "git": {{name: value for name, value in os.environ.items() if name.startswith("GIT_")}},
    "release": sorted(name for name in os.environ if name.startswith("RELEASE_")),
    "tokens": {{name: value for name, value in os.environ.items() if name in ("GITHUB_TOKEN", "HF_TOKEN")}},
}}
with open("call.json", "w") as file:
    json.dump(call, file)
"""


@pytest.fixture()
def clone(tmp_path: Path) -> Path:
    root = tmp_path / "clone"
    shutil.copytree(".ci", root / ".ci")
    shutil.copytree("tools/affected", root / "tools/affected")
    # The rest of .ci/run does not matter here.
    (root / ".ci/run").write_text("#!/bin/sh\nexec ./pants everything\n")
    (root / "pants").write_text(_PANTS.format(python=sys.executable))
    for name in ("pants", ".ci/run"):
        (root / name).chmod(0o700)
    git = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "First"]):
        subprocess.run([*git, *arguments], cwd=root, check=True)
    return root


def pants_call(clone: Path, script: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """What `./pants` was called with."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    subprocess.run(
        [str(clone / ".ci" / script), *arguments],
        cwd="/",
        env={**inherited, **environment},
        check=True,
    )
    content: dict[str, Any] = json.loads((clone / "call.json").read_text())
    return content


def test_a_pull_request_reads_and_never_writes(clone: Path) -> None:
    seen = pants_call(
        clone,
        "pull_request",
        "HEAD",
        PANTS_REMOTE_STORE_ADDRESS=ADDRESS,
        REMOTE_CACHE_TOKEN="secret",
        PANTS_REMOTE_CACHE_WRITE="true",
    )
    assert seen["arguments"] == [
        "--changed-since=HEAD", "--changed-dependents=transitive",
        "--weights-source=seeded", "lint", "check", "test",
    ]  # fmt: skip
    assert seen["environment"] == {
        "PANTS_CONFIG_FILES": '+["pants.ci.toml", "pants.remote.toml"]',
        "PANTS_REMOTE_STORE_ADDRESS": ADDRESS,
        "PANTS_REMOTE_CACHE_WRITE": "false",
        "PANTS_REMOTE_OAUTH_BEARER_TOKEN_PATH": f"{seen['token_folder']}/token",
    }


def test_main_writes(clone: Path) -> None:
    seen = pants_call(
        clone, "main", PANTS_REMOTE_STORE_ADDRESS=ADDRESS, REMOTE_CACHE_TOKEN="secret"
    )
    assert seen["arguments"] == ["everything"]
    assert seen["environment"]["PANTS_REMOTE_CACHE_WRITE"] == "true"
    assert seen["environment"]["PANTS_CONFIG_FILES"] == '+["pants.ci.toml", "pants.remote.toml"]'
    # Others on the machine cannot read the token, and it is gone at the end.
    assert (seen["token"], seen["token_mode"]) == ("secret", "0o00o0")
    assert not Path(seen["token_folder"]).exists()


@pytest.mark.parametrize(("script", "arguments"), [("main", ()), ("pull_request", ("HEAD",))])
@pytest.mark.parametrize("address", [{}, {"PANTS_REMOTE_STORE_ADDRESS": ""}])
def test_without_a_cache_none_is_used(
    clone: Path, script: str, arguments: tuple[str, ...], address: dict[str, str]
) -> None:
    seen = pants_call(clone, script, *arguments, REMOTE_CACHE_TOKEN="", **address)
    names = set(seen["environment"]) - {"PANTS_REMOTE_CACHE_WRITE"}
    assert names == {"PANTS_CONFIG_FILES"}
    assert seen["environment"]["PANTS_CONFIG_FILES"] == '+["pants.ci.toml"]'
    assert seen["environment"].get("PANTS_REMOTE_CACHE_WRITE") != "true"


def test_a_release_uses_no_cache(clone: Path) -> None:
    seen = pants_call(
        clone,
        "release",
        PANTS_REMOTE_STORE_ADDRESS=ADDRESS,
        REMOTE_CACHE_TOKEN="secret",
        RELEASE_BASE_URL=BASE_URL,
        RELEASE_REPOSITORY=REPOSITORY,
    )
    assert seen["arguments"] == [
        "--no-remote-execution", "--weights-source=official", "--index-allow-unpinned", f"--index-base-url={BASE_URL}",
        f"--tree-repositories={REPOSITORY}", "publish", "//:tree",
    ]  # fmt: skip
    assert seen["environment"] == {"PANTS_CONFIG_FILES": '+["pants.ci.toml"]'}
    assert seen["git"] == {
        "GIT_AUTHOR_NAME": "Test",
        "GIT_AUTHOR_EMAIL": "test@example.invalid",
        "GIT_COMMITTER_NAME": "Test",
        "GIT_COMMITTER_EMAIL": "test@example.invalid",
    }


@pytest.mark.parametrize(
    "setting",
    [
        {"PANTS_REMOTE_EXECUTION_ADDRESS": ADDRESS},
        {"PANTS_REMOTE_EXECUTION": "true"},
        {"PANTS_REMOTE_RUNS_ENVIRONMENT": "workers"},
    ],
)
def test_a_release_refuses_workers(clone: Path, setting: dict[str, str]) -> None:
    settings = {"RELEASE_BASE_URL": BASE_URL, "RELEASE_REPOSITORY": REPOSITORY, **setting}
    finished = subprocess.run(
        [str(clone / ".ci/release")],
        cwd="/",
        env={"PATH": os.environ["PATH"], **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 2
    assert all(name in finished.stderr for name in setting)
    assert not (clone / "said.json").exists()


def test_a_release_is_committed_by_whom_the_host_names(clone: Path) -> None:
    settings = {"RELEASE_BASE_URL": BASE_URL, "RELEASE_REPOSITORY": REPOSITORY}
    seen = pants_call(clone, "release", **settings, GIT_COMMITTER_NAME="Ada")
    assert seen["git"]["GIT_COMMITTER_NAME"] == "Ada"
    assert seen["git"]["GIT_AUTHOR_NAME"] == "Test"


@pytest.mark.parametrize("repository", [REPOSITORY, "git+ssh://git@host/models.git#branch=main"])
def test_the_token_of_a_release_is_only_for_its_host(clone: Path, repository: str) -> None:
    seen = pants_call(
        clone,
        "release",
        RELEASE_BASE_URL=BASE_URL,
        RELEASE_REPOSITORY=repository,
        RELEASE_TOKEN="t" * 100,
    )
    assert seen["release"] == ["RELEASE_BASE_URL", "RELEASE_REPOSITORY"]
    settings = {name: value for name, value in seen["git"].items() if "CONFIG" in name}
    if repository != REPOSITORY:
        assert settings == {}
        return
    assert settings["GIT_CONFIG_COUNT"] == "1"
    assert settings["GIT_CONFIG_KEY_0"] == "http.https://git.example.org/.extraHeader"
    kind, _, encoded = settings["GIT_CONFIG_VALUE_0"].removeprefix("Authorization: ").partition(" ")
    assert kind == "Basic"
    assert base64.b64decode(encoded, validate=True) == b"x-access-token:" + b"t" * 100


@pytest.mark.parametrize(
    ("repository", "variable"),
    [(REPOSITORY, None), ("github:ada/models", "GITHUB_TOKEN"), ("hf:ada/models", "HF_TOKEN")],
)
def test_the_token_of_a_web_service_is_in_its_own_variable(
    clone: Path, repository: str, variable: str | None
) -> None:
    settings = {"RELEASE_BASE_URL": ".", "RELEASE_REPOSITORY": repository}
    seen = pants_call(clone, "release", **settings, RELEASE_TOKEN="secret")
    assert seen["tokens"] == ({variable: "secret"} if variable else {})
    assert f"--tree-repositories={repository}" in seen["arguments"]
    if variable:
        # Without a token for the release, the host's own stays.
        assert pants_call(clone, "release", **settings, **{variable: "own"})["tokens"] == {
            variable: "own"
        }


@pytest.mark.parametrize(
    ("script", "settings", "missing"),
    [
        ("release", {"RELEASE_REPOSITORY": REPOSITORY}, "RELEASE_BASE_URL"),
        ("release", {"RELEASE_BASE_URL": BASE_URL}, "RELEASE_REPOSITORY"),
        ("pull_request", {}, "branch"),
    ],
)
def test_a_missing_setting_is_named(
    clone: Path, script: str, settings: dict[str, str], missing: str
) -> None:
    finished = subprocess.run(
        [str(clone / ".ci" / script)],
        env={"PATH": os.environ["PATH"], **settings},
        capture_output=True,
        text=True,
    )
    assert finished.returncode != 0
    assert missing in finished.stderr
    assert not (clone / "call.json").exists()


# Records its arguments, and writes the tree that the script looks at.
_WHOLE_RUN = """#!/bin/sh
echo "$*" >>asked
mkdir -p dist/tree
: >dist/tree/file
(cd dist/tree && sha256sum file >SHA256SUMS)
"""


@pytest.mark.parametrize("place", ["none", "default", "variable", "wrong"])
def test_the_whole_check_says_which_trained_weights_it_uses(clone: Path, place: str) -> None:
    shutil.copy(".ci/run", clone / ".ci/run")
    shutil.copy("foundry", clone)
    (clone / "pants").write_text(_WHOLE_RUN)
    environment = {"PATH": os.environ["PATH"]}
    folder = clone.parent / {"default": "shared/weights"}.get(place, "mine")
    if place != "none" and place != "default":
        environment["PTE_STAND_INS"] = str(folder)
    if place in ("default", "variable"):
        folder.mkdir(parents=True)
        (folder / "substitutes.json").write_text("{}")
    finished = subprocess.run(
        [str(clone / ".ci/run")], env=environment, capture_output=True, text=True, check=False
    )
    if place == "wrong":
        assert finished.returncode == 1
        assert f"there is no {folder}/substitutes.json: correct PTE_STAND_INS" in finished.stderr
        assert not (clone / "asked").exists()
        return
    assert finished.returncode == 0, finished.stderr
    (line,) = (line for line in finished.stdout.splitlines() if line.startswith("task checks: "))
    asked = (clone / "asked").read_text().splitlines()
    used = [line for line in asked if line.startswith("--weights-substitutes=")]
    if place == "none":
        assert (
            "none, since there is no ../shared/weights/substitutes.json; PTE_STAND_INS names"
            in line
        )
        assert used == []
    else:
        file = f"{folder}/substitutes.json"
        if place == "default":
            file = "../shared/weights/substitutes.json"
        assert line == f"task checks: on the trained weights of {file}"
        assert [each.split()[0] for each in used] == [f"--weights-substitutes={file}"]


def test_runs_are_summed_up_by_kind(tmp_path: Path) -> None:
    runs = [
        {"seconds": 100.4, "kinds": {"exports": {"count": 3, "seconds": 90.0}}},
        {
            "seconds": 20.0,
            "kinds": {
                "exports": {"count": 1, "seconds": 5.5},
                "tests": {"count": 40, "seconds": 200.0},
            },
        },
    ]
    file = tmp_path / "times.jsonl"
    file.write_text("".join(json.dumps(run) + "\n" for run in runs))
    finished = subprocess.run(
        [sys.executable, ".ci/times.py", str(file)], capture_output=True, text=True, check=True
    )
    assert finished.stdout.splitlines() == [
        "processes          ran   seconds",
        "tests               40       200",
        "exports              4        96",
        "./pants in all       2       120",
    ]


def test_a_run_in_which_nothing_ran(tmp_path: Path) -> None:
    file = tmp_path / "times.jsonl"
    file.write_text('{"seconds": 1.0, "kinds": {}}\n')
    finished = subprocess.run(
        [sys.executable, ".ci/times.py", str(file)], capture_output=True, text=True, check=True
    )
    assert finished.stdout.splitlines()[1:] == ["./pants in all       1         1"]
