from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from doctor.checks.finding import Finding, State
from doctor.command import main
from workspace.errors import ToolError

WELL = Finding("memory", State.ok, "24.0 GB available", needed=True)
SDK = Finding("QNN SDK", State.missing, "not set", "Install it")
PYTHON = Finding("CPython 3.11", State.missing, "none found", "Install one", needed=True)


@pytest.fixture()
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the checks find, free to change; caches and sandboxes are below tmp_path."""
    findings = [WELL, SDK]
    options = {
        "": {
            "local_store_dir": str(tmp_path / "store"),
            "named_caches_dir": str(tmp_path / "named"),
            "local_execution_root_dir": str(tmp_path),
        }
    }

    def read_options(root: Path, environment: Mapping[str, str]) -> object:
        assert environment["PANTS_CONCURRENT"] == "true"
        return options

    monkeypatch.setattr(main, "read_options", read_options)
    monkeypatch.setattr(main, "diagnose", lambda *_: findings)
    monkeypatch.setattr(main, "find_root", lambda: tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return findings


def run(*arguments: str, typed: str = "") -> Any:  # of click, which is no direct requirement
    return CliRunner().invoke(main.app, list(arguments), input=typed)


def test_the_exit_code_says_whether_the_seeded_matrix_can_be_built(machine: list[Finding]) -> None:
    well = run()
    assert well.exit_code == 0, well.output
    assert "can build the seeded matrix" in well.stdout
    machine.append(PYTHON)
    ill = run()
    assert ill.exit_code == 1
    assert "cannot build yet. Missing: CPython 3.11" in ill.stdout
    assert "QNN SDK" in ill.stdout


def test_json_has_the_same(machine: list[Finding]) -> None:
    machine.append(PYTHON)
    result = run("--json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert answer["can_build"] is False
    assert answer["findings"][1] == {
        "subject": "QNN SDK",
        "state": "missing",
        "found": "not set",
        "remedy": "Install it",
        "needed": False,
    }


def leftover(tmp_path: Path) -> Path:
    sandbox = tmp_path / "pants-sandbox-x"
    sandbox.mkdir()
    (sandbox / "file").write_bytes(b"x" * 10_000)
    old = time.time() - 48 * 3600
    os.utime(sandbox, (old, old))
    return sandbox


@pytest.mark.parametrize(
    ("arguments", "typed", "removed"),
    [
        ((), "", False),
        (("--clean",), "n\n", False),
        (("--clean",), "y\n", True),
        (("--clean", "--yes"), "", True),
        (("--clean", "--yes", "--json"), "", True),
    ],
)
def test_leftovers_are_removed_after_asking(
    machine: list[Finding], tmp_path: Path, arguments: tuple[str, ...], typed: str, removed: bool
) -> None:
    sandbox = leftover(tmp_path)
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "kept").write_bytes(b"x" * 10_000)
    result = run("--disk", *arguments, typed=typed)
    assert result.exit_code == 0, result.output
    assert sandbox.exists() == (not removed)
    assert (tmp_path / "store" / "kept").exists()
    if "--json" in arguments:
        assert json.loads(result.stdout)["removable"] == [str(sandbox)]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it cannot be told who uses them")
@pytest.mark.parametrize("asked", [False, True])
def test_environments_are_removed_if_asked_for(
    machine: list[Finding], tmp_path: Path, asked: bool
) -> None:
    environments = tmp_path / "named" / "pex_root"
    environments.mkdir(parents=True)
    result = run("--disk", "--clean", "--yes", *(("--environments",) if asked else ()))
    assert result.exit_code == 0, result.output
    assert list((tmp_path / "named").iterdir()) == ([] if asked else [environments])


def test_environments_stay_while_a_daemon_runs(
    machine: list[Finding], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "named" / "pex_root").mkdir(parents=True)
    sandbox = leftover(tmp_path)
    monkeypatch.setattr("doctor.disk.environments.running_daemons", lambda root: [7])
    result = run("--disk", "--clean", "--yes", "--environments")
    assert result.exit_code == 2
    assert "`kill 7`" in result.stderr
    assert (tmp_path / "named" / "pex_root").exists() and sandbox.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--disk", "--environments"),
        ("--clean",),
        ("--disk", "--yes"),
        ("--disk", "--clean", "--json"),
    ],
)
def test_options_that_do_not_go_together(
    machine: list[Finding], arguments: tuple[str, ...]
) -> None:
    assert run(*arguments).exit_code == 2


def test_a_pants_that_does_not_answer_is_one_message(
    machine: list[Finding], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[Finding]:
        raise ToolError("no answer")

    monkeypatch.setattr(main, "diagnose", fail)
    result = run()
    assert result.exit_code == 2
    assert result.stderr.strip() == "foundry doctor: no answer"
