from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pte_foundry.testing.sample_tree import write_sample_tree
from verify_tree.command.main import app


@pytest.fixture()
def tree(tmp_path: Path) -> Path:
    return write_sample_tree(tmp_path / "tree")


def test_a_sound_tree(tree: Path) -> None:
    result = CliRunner().invoke(app, [str(tree)])
    assert (result.exit_code, result.stdout) == (0, f"{tree} is sound\n")


def test_all_defects_are_listed_in_order(tree: Path) -> None:
    (tree / "a.txt").write_text("[red]extra")
    (tree / "versions.json").unlink()
    result = CliRunner().invoke(app, [str(tree)])
    assert result.exit_code == 1
    assert [line.split(": ")[:2] for line in result.stdout.splitlines()] == [
        ["a.txt", "extra"],
        ["a.txt", "subject"],
        ["versions.json", "missing"],
        ["versions.json", "missing"],
        ["versions.json", "subject"],
    ]


def test_a_requested_signature_must_be_there(tree: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.pub"
    key.write_text("a key")
    result = CliRunner().invoke(app, [str(tree), f"--public-key={key}"])
    assert result.exit_code == 1
    assert result.stdout.startswith("tree.sig: signature: the tree has no tree.sig")


def test_no_folder(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path / "nowhere")])
    assert result.exit_code == 2
    assert result.stdout == ""
