"""The scripts that CI hosts run, with a ./pants that tells what it was asked for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ADDRESS = "grpcs://cache.example.org"
_PANTS = """#!{python}
import json, os, sys
token = os.environ.get("PANTS_REMOTE_OAUTH_BEARER_TOKEN_PATH")
said = {{
    "arguments": sys.argv[1:],
    "token": token and open(token).read(),
    "token_mode": token and oct(os.stat(token).st_mode & 0o77) + oct(os.stat(os.path.dirname(token)).st_mode & 0o77),
    "token_folder": token and os.path.dirname(token),
    "environment": {{name: value for name, value in os.environ.items() if "REMOTE" in name or "PANTS" in name}},
}}
with open("said.json", "w") as file:
    json.dump(said, file)
"""


@pytest.fixture()
def clone(tmp_path: Path) -> Path:
    root = tmp_path / "clone"
    shutil.copytree(".ci", root / ".ci")
    shutil.copytree("tools/affected", root / "tools/affected")
    # What .ci/run does besides is no matter of this test.
    (root / ".ci/run").write_text("#!/bin/sh\nexec ./pants everything\n")
    (root / "pants").write_text(_PANTS.format(python=sys.executable))
    for name in ("pants", ".ci/run"):
        (root / name).chmod(0o700)
    git = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "First"]):
        subprocess.run([*git, *arguments], cwd=root, check=True)
    return root


def said(clone: Path, script: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """What `./pants` was called with."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    subprocess.run(
        [str(clone / ".ci" / script), *arguments],
        cwd="/",
        env={**inherited, **environment},
        check=True,
    )
    content: dict[str, Any] = json.loads((clone / "said.json").read_text())
    return content


def test_a_pull_request_reads_and_never_writes(clone: Path) -> None:
    told = said(
        clone,
        "pull_request",
        "HEAD",
        PANTS_REMOTE_STORE_ADDRESS=ADDRESS,
        REMOTE_CACHE_TOKEN="secret",
        PANTS_REMOTE_CACHE_WRITE="true",
    )
    assert told["arguments"] == [
        "--changed-since=HEAD", "--changed-dependents=transitive",
        "--weights-source=seeded", "lint", "check", "test",
    ]  # fmt: skip
    assert told["environment"] == {
        "PANTS_CONFIG_FILES": '+["pants.ci.toml", "pants.remote.toml"]',
        "PANTS_REMOTE_STORE_ADDRESS": ADDRESS,
        "PANTS_REMOTE_CACHE_WRITE": "false",
        "PANTS_REMOTE_OAUTH_BEARER_TOKEN_PATH": f"{told['token_folder']}/token",
    }


def test_main_writes(clone: Path) -> None:
    told = said(clone, "main", PANTS_REMOTE_STORE_ADDRESS=ADDRESS, REMOTE_CACHE_TOKEN="secret")
    assert told["arguments"] == ["everything"]
    assert told["environment"]["PANTS_REMOTE_CACHE_WRITE"] == "true"
    assert told["environment"]["PANTS_CONFIG_FILES"] == '+["pants.ci.toml", "pants.remote.toml"]'
    # Others on the machine cannot read the token, and it is gone at the end.
    assert (told["token"], told["token_mode"]) == ("secret", "0o00o0")
    assert not Path(told["token_folder"]).exists()


@pytest.mark.parametrize(("script", "arguments"), [("main", ()), ("pull_request", ("HEAD",))])
@pytest.mark.parametrize("address", [{}, {"PANTS_REMOTE_STORE_ADDRESS": ""}])
def test_without_a_cache_none_is_used(
    clone: Path, script: str, arguments: tuple[str, ...], address: dict[str, str]
) -> None:
    told = said(clone, script, *arguments, REMOTE_CACHE_TOKEN="", **address)
    names = set(told["environment"]) - {"PANTS_REMOTE_CACHE_WRITE"}
    assert names == {"PANTS_CONFIG_FILES"}
    assert told["environment"]["PANTS_CONFIG_FILES"] == '+["pants.ci.toml"]'
    assert told["environment"].get("PANTS_REMOTE_CACHE_WRITE") != "true"


def test_a_release_asks_no_cache(clone: Path) -> None:
    told = said(
        clone,
        "release",
        PANTS_REMOTE_STORE_ADDRESS=ADDRESS,
        REMOTE_CACHE_TOKEN="secret",
        RELEASE_BASE_URL="https://models.example.org",
    )
    assert told["arguments"] == [
        "--weights-source=official", "--index-base-url=https://models.example.org",
        "publish", "//:tree",
    ]  # fmt: skip
    assert told["environment"] == {"PANTS_CONFIG_FILES": '+["pants.ci.toml"]'}


@pytest.mark.parametrize(
    ("script", "missing"), [("release", "BASE_URL"), ("pull_request", "branch")]
)
def test_what_is_missing_is_told(clone: Path, script: str, missing: str) -> None:
    finished = subprocess.run(
        [str(clone / ".ci" / script)],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    assert finished.returncode != 0
    assert missing in finished.stderr
    assert not (clone / "said.json").exists()
