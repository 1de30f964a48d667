from __future__ import annotations

import io
import json
import os
import sys
import time
from pathlib import Path

import pytest

from doctor.checks.finding import FIRST_PROGRAM, Finding, State
from doctor.command import arguments
from workspace.errors import ToolError

WELL = Finding("memory", State.ok, "24.0 GB available", needed=True)
SDK = Finding("QNN SDK", State.missing, "not set", "Install it")
PYTHON = Finding(
    "CPython 3.11", State.missing, "none found", "Install one", needed=True, command="./mend"
)


@pytest.fixture()
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the checks find, free to change; caches and sandboxes are below tmp_path."""
    findings = [WELL, SDK]
    monkeypatch.setattr(arguments, "diagnose", lambda *_: findings)
    for name in [name for name in os.environ if name.startswith("PANTS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PANTS_LOCAL_STORE_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("PANTS_NAMED_CACHES_DIR", str(tmp_path / "named"))
    monkeypatch.setenv("PANTS_LOCAL_EXECUTION_ROOT_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return findings


def run(tmp_path: Path, *given: str) -> int:
    return arguments.main(list(given), tmp_path, "./foundry doctor")


def test_the_exit_code_says_whether_the_seeded_matrix_can_be_built(
    machine: list[Finding], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path) == 0
    said = capsys.readouterr().out
    assert "can build every program from seeded weights" in said
    assert said.splitlines()[-1].strip() == FIRST_PROGRAM
    machine.append(PYTHON)
    assert run(tmp_path) == 1
    said = capsys.readouterr().out
    assert "cannot build yet. Missing: CPython 3.11." in said and "QNN SDK" in said
    assert said.splitlines()[-1].strip() == "./mend"


def test_json_has_the_same(
    machine: list[Finding], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.append(PYTHON)
    assert run(tmp_path, "--json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["can_build"], answer["next"]) == (False, "./mend")
    assert answer["findings"][1] == {
        "subject": "QNN SDK",
        "state": "missing",
        "found": "not set",
        "remedy": "Install it",
        "needed": False,
        "command": "",
    }


def leftover(tmp_path: Path) -> Path:
    sandbox = tmp_path / "pants-sandbox-x"
    sandbox.mkdir()
    (sandbox / "file").write_bytes(b"x" * 10_000)
    old = time.time() - 48 * 3600
    os.utime(sandbox, (old, old))
    return sandbox


@pytest.mark.parametrize(
    ("given", "typed", "removed"),
    [
        ((), "", False),
        (("--clean",), "", False),
        (("--clean",), "n\n", False),
        (("--clean",), "y\n", True),
        (("--clean", "--yes"), "", True),
        (("--clean", "--yes", "--json"), "", True),
    ],
)
def test_leftovers_are_removed_after_asking(
    machine: list[Finding],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: tuple[str, ...],
    typed: str,
    removed: bool,
) -> None:
    sandbox = leftover(tmp_path)
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "kept").write_bytes(b"x" * 10_000)
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert run(tmp_path, "--disk", *given) == 0
    assert sandbox.exists() == (not removed)
    assert (tmp_path / "store" / "kept").exists()
    if "--json" in given:
        assert json.loads(capsys.readouterr().out)["removable"] == [str(sandbox)]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it cannot be told who uses them")
@pytest.mark.parametrize("asked", [False, True])
def test_environments_are_removed_if_asked_for(
    machine: list[Finding], tmp_path: Path, asked: bool
) -> None:
    environments = tmp_path / "named" / "pex_root"
    environments.mkdir(parents=True)
    assert run(tmp_path, "--disk", "--clean", "--yes", *(["--environments"] if asked else [])) == 0
    assert list((tmp_path / "named").iterdir()) == ([] if asked else [environments])


def test_environments_stay_while_a_daemon_runs(
    machine: list[Finding],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "named" / "pex_root").mkdir(parents=True)
    sandbox = leftover(tmp_path)
    monkeypatch.setattr("doctor.disk.environments.running_daemons", lambda root: [7])
    assert run(tmp_path, "--disk", "--clean", "--yes", "--environments") == 2
    assert "`kill 7`" in capsys.readouterr().err
    assert (tmp_path / "named" / "pex_root").exists() and sandbox.exists()


@pytest.mark.parametrize(
    "given",
    [
        ("--disk", "--environments"),
        ("--clean",),
        ("--disk", "--yes"),
        ("--disk", "--clean", "--json"),
        ("--nonsense",),
    ],
)
def test_options_that_do_not_go_together(
    machine: list[Finding], tmp_path: Path, given: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(tmp_path, *given)
    assert caught.value.code == 2


def test_a_build_file_that_cannot_be_read_is_one_message(
    machine: list[Finding],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> list[Finding]:
        raise ToolError("models/x/BUILD: cannot be read")

    monkeypatch.setattr(arguments, "diagnose", fail)
    assert run(tmp_path) == 2
    assert capsys.readouterr().err == "foundry doctor: models/x/BUILD: cannot be read\n"
