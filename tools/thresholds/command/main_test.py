from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from thresholds.command.main import app


@pytest.fixture()
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("pants", "pants.toml"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "dist/test/x"
    folder.mkdir(parents=True)
    thresholds = {
        "max_abs_difference": {"measured": 0.01, "threshold": 0.5},
        "min_cosine": {"measured": 0.99, "threshold": 0.95},
    }
    document = {"address": "models/x:one", "thresholds": thresholds}
    (folder / "one.validation.json").write_text(json.dumps(document))
    return tmp_path


def test_loose_thresholds_are_listed(results: Path) -> None:
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 1
    assert "max_abs_difference" in result.output
    assert "min_cosine" not in result.output
    assert "1 of 2 thresholds of 1 programs allow more than 10 times" in result.output


def test_the_bound_can_be_wider(results: Path) -> None:
    assert CliRunner().invoke(app, ["--at-most", "50"]).exit_code == 0


@pytest.mark.parametrize("bound", ["-3", "0", "0.99"])
def test_a_bound_that_a_passing_test_cannot_keep_is_refused(results: Path, bound: str) -> None:
    result = CliRunner().invoke(app, [f"--at-most={bound}"])
    assert result.exit_code == 2
    assert "--at-most" in result.output


def test_all_are_listed_on_request(results: Path) -> None:
    assert "min_cosine" in CliRunner().invoke(app, ["--all"]).output


def test_nothing_to_read_is_an_error(results: Path) -> None:
    result = CliRunner().invoke(app, ["elsewhere"])
    assert result.exit_code == 2
    assert "run `./pants test models::`" in result.output
