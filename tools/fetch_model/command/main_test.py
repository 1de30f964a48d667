from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fetch_model.command.main import app, this_platform
from pte_foundry.testing.published_tree import (
    LABELS,
    MODEL,
    VERSION,
    program_bytes,
    sample_index,
    write_tree,
)


@pytest.fixture()
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree")


def run(tree: Path, *arguments: str) -> Any:  # of click, which is no direct requirement
    cache = str(tree.with_name("cache"))
    return CliRunner().invoke(app, [str(tree), *arguments, "--cache", cache])


def test_the_best_program_and_its_labels_are_printed(tree: Path) -> None:
    result = run(tree, MODEL, "--platform", "ios")
    assert result.exit_code == 0, result.stderr
    program, labels = map(Path, result.stdout.splitlines())
    assert program.read_bytes() == program_bytes(f"{MODEL}_coreml.pte")
    assert labels.read_bytes() == LABELS
    assert tree.with_name("cache") in program.parents
    assert f"{MODEL}_coreml.pte: coreml, fp16, BSD-3-Clause, for ExecuTorch 1.4.1" in result.stderr
    assert "NOT OFFICIAL" not in result.stderr


def test_preferences_and_a_folder_to_copy_to(tree: Path, tmp_path: Path) -> None:
    to = tmp_path / "app" / "assets"
    arguments = ("--backend", "qnn,xnnpack", "--precision", "int8", "--version", VERSION)
    result = run(tree, MODEL, "--platform", "android", *arguments, "--to", str(to))
    assert result.exit_code == 0, result.stderr
    name = f"{MODEL}_int8_xnnpack.pte"
    assert result.stdout.splitlines() == [str(to / name), str(to / "labels.txt")]
    assert (to / name).read_bytes() == program_bytes(name)


def test_this_machine_is_the_default_platform(tree: Path) -> None:
    assert this_platform() in ("linux", "macos", "windows")
    assert run(tree, MODEL).exit_code == 0


def test_other_weights_are_announced(tmp_path: Path) -> None:
    index = sample_index()
    for entry in index["models"]:
        entry["weights"]["source"] = "seeded"
    result = run(write_tree(tmp_path / "tree", index), MODEL)
    assert result.exit_code == 0
    assert "NOT OFFICIAL WEIGHTS (seeded)" in result.stderr


def test_nothing_that_an_index_says_steers_the_terminal(tmp_path: Path) -> None:
    index = sample_index()
    for entry in index["models"]:
        entry["license"] = "MIT\x1b[2J\u202e"
        entry["weights"]["source"] = "\x1b]0;owned\x07" + "x" * 100_000
    result = run(write_tree(tmp_path / "tree", index), MODEL)
    assert result.exit_code == 0
    assert "MIT\\x1b[2J\\u202e" in result.stderr
    assert all(line.isprintable() for line in result.stderr.splitlines())
    assert len(result.stderr) < 10_000


def test_exit_codes(tree: Path) -> None:
    nothing = run(tree, MODEL, "--platform", "linux", "--backend", "coreml")
    assert nothing.exit_code == 1
    assert nothing.stderr.startswith("no-artifact: ")
    assert run(tree, MODEL, "--nonsense").exit_code == 2
    (tree / VERSION / "mobilenet" / f"{MODEL}_xnnpack.pte").write_bytes(b"other")
    failed = run(tree, MODEL, "--platform", "linux")
    assert failed.exit_code == 2
    assert failed.stdout == ""
    assert "wrong-content" in failed.stderr
