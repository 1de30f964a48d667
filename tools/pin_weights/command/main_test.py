from __future__ import annotations

import hashlib
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pin_weights.command.main import app

DATA = b"a checkpoint"
SHA256 = hashlib.sha256(DATA).hexdigest()
TARGET = 'model_weights(\n    name="w",\n    urls=[],\n    license="MIT",\n)\n'
PINNED = TARGET.replace(
    '    license="MIT"', f'    sha256="{SHA256}",\n    size=12,\n    license="MIT"'
)
# Stands in for the launcher: answers only to what the tool has to ask, and as a run inside a run.
LAUNCHER = """\
#!/bin/sh
[ "$PANTS_CONCURRENT $*" = "true --no-dynamic-ui --no-colors peek models/a:w" ] && exec cat peeked
echo "ResolveError: no such address" >&2
exit 1
"""


@dataclass(frozen=True)
class Outcome:
    exit_code: int
    output: str


def run(*arguments: str) -> Outcome:
    result = CliRunner().invoke(app, list(arguments))
    return Outcome(result.exit_code, result.output)


class Workspace:
    """A build root with one target, in the current folder."""

    def __init__(self, root: Path) -> None:
        self.build = root / "models/a/BUILD"
        self.build.parent.mkdir(parents=True)
        self.build.write_text(TARGET)
        (root / "pants").write_text(LAUNCHER)
        (root / "pants").chmod(0o755)
        (root / "pants.toml").touch()
        self.checkpoint = root / "downloads" / "any name"
        self.checkpoint.parent.mkdir()
        self.checkpoint.write_bytes(DATA)
        self.declare(["file:" + str(self.checkpoint).replace(" ", "%20")])

    def declare(self, urls: list[str], file: str = "w.pth") -> None:
        target = {"address": "models/a:w", "target_type": "model_weights"}
        fields = {"file": file, "urls": urls, "source_page": "https://example.org/about"}
        Path("peeked").write_text(json.dumps([{**target, **fields}]))

    def pin(self, *arguments: str) -> Outcome:
        return run("models/a:w", *arguments)


@pytest.fixture()
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    return Workspace(tmp_path)


def test_a_download_is_pinned(workspace: Workspace) -> None:
    workspace.build.chmod(0o640)
    result = workspace.pin()
    assert result.exit_code == 0, result.output
    assert SHA256 in result.output
    assert "12 bytes" in result.output
    assert "https://example.org/about" in result.output
    assert workspace.build.read_text() == PINNED
    assert workspace.build.stat().st_mode & 0o777 == 0o640
    assert os.listdir(workspace.build.parent) == ["BUILD"]


def test_a_local_file_is_pinned_without_any_address(workspace: Workspace) -> None:
    workspace.declare(urls=[])
    assert workspace.pin().exit_code == 2
    result = workspace.pin("--file", str(workspace.checkpoint))
    assert result.exit_code == 0, result.output
    assert workspace.build.read_text() == PINNED


def test_a_dry_run_shows_the_edit_and_writes_nothing(workspace: Workspace) -> None:
    result = workspace.pin("--dry-run")
    assert result.exit_code == 0, result.output
    assert f'+    sha256="{SHA256}",\n+    size=12,\n' in result.output
    assert workspace.build.read_text() == TARGET


def test_the_same_pin_again_changes_nothing(workspace: Workspace) -> None:
    workspace.build.write_text(PINNED)
    before = workspace.build.stat().st_ino
    result = workspace.pin()
    assert result.exit_code == 0
    assert "has this pin already" in result.output
    assert workspace.build.stat().st_ino == before


def test_another_pin_is_replaced_by_force_only(workspace: Workspace) -> None:
    other = PINNED.replace(SHA256, "0" * 64)
    workspace.build.write_text(other)
    result = workspace.pin()
    assert result.exit_code == 2
    assert f"pinned already, to another file: sha256 {'0' * 64}" in result.output
    assert workspace.build.read_text() == other
    assert workspace.pin("--force").exit_code == 0
    assert workspace.build.read_text() == PINNED


def test_a_file_that_is_not_what_its_name_says_is_refused(workspace: Workspace) -> None:
    workspace.declare([workspace.checkpoint.as_uri()], file="w-7ebf99e0.pth")
    result = workspace.pin("--force")
    assert result.exit_code == 2
    assert "begins with 7ebf99e0" in result.output
    assert workspace.build.read_text() == TARGET
    assert workspace.pin("--no-hash-in-name").exit_code == 0
    assert workspace.build.read_text() == PINNED


@pytest.mark.parametrize("downloaded", [True, False])
def test_a_damaged_archive_and_a_web_page_get_no_pin(
    workspace: Workspace, downloaded: bool
) -> None:
    with zipfile.ZipFile(workspace.checkpoint, "w") as archive:
        archive.writestr("m/data.pkl", b"}.")
        archive.writestr("m/data/0", b"values")
    damaged = workspace.checkpoint.read_bytes().replace(b"values", b"VALUES")
    for content, told in ((damaged, "data/0 in it is damaged"), (b"<html>", "a web page")):
        workspace.checkpoint.write_bytes(content)
        where = [] if downloaded else ["--file", str(workspace.checkpoint)]
        result = workspace.pin(*where)
        assert result.exit_code == 2 and told in result.output, result.output
        assert ("file:" in result.output) == downloaded
        assert workspace.build.read_text() == TARGET


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "gone.pth"),
        (["--file", "gone.pth"], "gone.pth: cannot be read"),
    ],
)
def test_no_file_no_pin(workspace: Workspace, arguments: list[str], message: str) -> None:
    workspace.declare(["file:/nonexistent/gone.pth"])
    result = workspace.pin(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert workspace.build.read_text() == TARGET


def test_an_address_with_another_scheme_is_refused(workspace: Workspace) -> None:
    workspace.declare([workspace.checkpoint.as_uri(), "http://example.org/w.pth"])
    result = workspace.pin()
    assert result.exit_code == 2
    assert "http://example.org/w.pth: only https: and file:" in result.output
    assert workspace.build.read_text() == TARGET


def test_a_download_above_the_limit_is_refused(workspace: Workspace) -> None:
    workspace.checkpoint.write_bytes(b"x" * ((1 << 20) + 1))
    result = workspace.pin("--max-mib", "1")
    assert result.exit_code == 2
    assert "more than --max-mib allows" in result.output
    assert workspace.build.read_text() == TARGET


def test_an_unknown_address_is_refused(workspace: Workspace) -> None:
    result = run("models/a:other")
    assert result.exit_code == 2
    assert "models/a:other: Pants cannot read it: no such address" in result.output


def test_a_target_that_is_not_literal_is_refused_before_the_download(workspace: Workspace) -> None:
    workspace.build.write_text('my_weights(name="w")\n')
    workspace.declare(["file:/nonexistent/gone.pth"])
    result = workspace.pin()
    assert result.exit_code == 2
    assert "expected one" in result.output
    assert "gone.pth" not in result.output


def test_another_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("models/a:w")
    assert result.exit_code == 2
    assert "Run the command inside the repository" in result.output
