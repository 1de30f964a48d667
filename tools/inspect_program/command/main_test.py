from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inspect_program.command.main import app, size_text
from inspect_program.command.program_file_test import program


@pytest.fixture()
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.pte"
    path.write_bytes(program(delegated=True, constants={"labels": "cat, dog"}))
    return path


def test_lines_for_a_person(file: Path) -> None:
    result = CliRunner().invoke(app, [str(file)])
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0][0] == "net.pte:" and "sha256" in lines[0]
    assert ["forward"] in lines
    assert ["input", "float32[2,4]"] in lines and ["input", "bool[5]"] in lines
    assert ["labels", "cat,", "dog"] in lines
    assert any(line[:3] == ["delegate", "XnnpackBackend:", "1"] for line in lines)


def test_json(file: Path) -> None:
    result = CliRunner().invoke(app, [str(file), "--json"])
    read = json.loads(result.stdout)
    assert read["size"] == file.stat().st_size
    assert {method["name"] for method in read["methods"]} == {"forward", "labels"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"x" * 100, "bytes 4 to 7"),
    ],
)
def test_other_files(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "a.pte"
    path.write_bytes(content)
    result = CliRunner().invoke(app, [str(path)])
    assert result.exit_code == 2 and result.stdout == ""
    assert told in result.stderr


def test_no_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path / "a.pte")])
    assert result.exit_code == 2 and "a.pte" in result.stderr


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (10_600_000, "10.6 MB"),
        (2_150_000_000, "2.15 GB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text
