from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inspect_program.command.main import app, size_text
from inspect_program.command.program_file_test import program
from pte_foundry.records.contract import Contract


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


CONTRACT = Contract(
    "net",
    "xnnpack",
    "fp32",
    "0a" * 32,
    (
        {
            "name": "rows",
            "dtype": "float32",
            "shape": [2, 4],
            "dynamic": [{"axis": 0, "name": "n", "low": 1, "high": 2}],
            "normalisation": {"mean": [0.5, 0.25], "colour": "RGB"},
            "values": None,
        },
    ),
    ({"name": "scores", "description": "of each class"},),
)


def test_the_contract_of_a_program_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "net.pte"
    methods = {name: list(texts) for name, texts in CONTRACT.methods().items()}
    path.write_bytes(program(constants=methods))
    lines = CliRunner().invoke(app, [str(path)]).stdout.splitlines()
    start = lines.index("contract")
    assert [line.split(None, 1) for line in lines[start + 1 : start + 6]] == [
        ["model", "net"],
        ["backend", "xnnpack"],
        ["precision", "fp32"],
        ["labels", f"sha256 {'0a' * 32}"],
        ["input", "rows: float32[2,4]"],
    ]
    assert [line.strip() for line in lines[start + 6 : start + 9]] == [
        "dynamic: axis 0, high 2, low 1, name n",
        "normalisation: colour RGB, mean [0.5, 0.25]",
        "output          scores: of each class",
    ]
    names = [line.split()[0] for line in lines[lines.index("constant methods") + 1 :] if line]
    assert names == ["get_model_name", "get_input_names", "get_output_names", "constants"]
    read = json.loads(CliRunner().invoke(app, [str(path), "--json"]).stdout)
    assert read["contract"] == CONTRACT.to_json()


@pytest.mark.parametrize("content", ["cat, dog", "{}", "[1]", "[" * 100_000, "NaN"])
def test_what_others_call_a_contract_is_a_constant(content: str, tmp_path: Path) -> None:
    path = tmp_path / "net.pte"
    path.write_bytes(program(constants={"get_contract": content}))
    lines = CliRunner().invoke(app, [str(path)]).stdout.splitlines()
    assert "contract" not in lines
    shown = content if len(content) < 60 else f"{content[:60]}..."
    assert f"  get_contract    {shown}" in lines
    read = json.loads(CliRunner().invoke(app, [str(path), "--json"]).stdout)
    assert read["contract"] is None


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
