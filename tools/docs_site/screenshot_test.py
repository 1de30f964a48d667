from __future__ import annotations

import struct
from pathlib import Path

import pytest

from docs_site import screenshot
from docs_site.screenshot import LARGEST, PICTURE

# Stands in for a browser: writes a file of as many bytes as its environment says where it is told to.
_BROWSER = """#!/bin/sh
for each in "$@"; do case "$each" in --screenshot=*) head -c "$SIZE" /dev/zero > "${each#*=}" ;; esac; done
exit "$CODE"
"""


@pytest.fixture()
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dist/tree").mkdir(parents=True)
    (tmp_path / "dist/tree/index.html").write_text("<html>")
    (tmp_path / "docs").mkdir()
    browser = tmp_path / "browser"
    browser.write_text(_BROWSER)
    browser.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(browser))
    monkeypatch.setenv("CODE", "0")
    monkeypatch.setenv("SIZE", "1000")
    return tmp_path


def test_the_picture_is_written(root: Path) -> None:
    assert screenshot.take(root) == 0
    assert (root / PICTURE).stat().st_size == 1000


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [("CODE", "3", "took no picture"), ("SIZE", f"{LARGEST + 1}", "more than 200000")],
)
def test_a_failure_writes_nothing(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str,
    told: str,
) -> None:
    monkeypatch.setenv(variable, value)
    assert screenshot.take(root) == 1
    assert told in capsys.readouterr().err
    assert not (root / PICTURE).exists()


def test_no_tree(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "dist/tree/index.html").unlink()
    assert screenshot.take(root) == 1
    assert "package //:tree" in capsys.readouterr().err


def test_no_browser(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CHROMIUM")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert screenshot.take(root) == 1
    assert "CHROMIUM" in capsys.readouterr().err


def test_the_committed_picture_is_small_and_in_the_readme() -> None:
    content = PICTURE.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) <= LARGEST
    width, height = struct.unpack(">II", content[16:24])
    assert width >= 1000 and height >= 600
    assert f"({PICTURE})" in Path("README.md").read_text()
