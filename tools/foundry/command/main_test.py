"""What all commands have in common."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foundry.command.main import app
from foundry.command.table import GROUPS, FoundryCommand, commands

_SECONDS = 30
# Absolute: the processes run in other folders.
_PYTHONPATH = os.pathsep.join(map(os.path.abspath, sys.path))
_WIDE = {"COLUMNS": "200", "NO_COLOR": "1", "TERMINAL_WIDTH": "200"}
# What takes long to import, or belongs to single commands.
_HEAVY = {"grpc", "libcst", "model_signing", "numpy", "requests", "tomlkit", "torch"}


def run_foundry(
    folder: Path, *arguments: str, **more: str
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "foundry.command.main", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": _PYTHONPATH, **_WIDE, **more},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )


def imported_by(*arguments: str) -> set[str]:
    """The top-level packages that a run imports."""
    script = (
        "import json, sys\n"
        "from foundry.command.main import app\n"
        "app(sys.argv[1:], standalone_mode=False)\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "PYTHONPATH": _PYTHONPATH},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture()
def repository(tmp_path: Path) -> Path:
    """One whose `./pants` runs until it is interrupted, and says so."""
    root = tmp_path / "repository"
    root.mkdir()
    (root / "pants.toml").touch()
    (root / "pants").write_text(
        "#!/bin/bash\n"
        "trap 'touch ended; kill $child; exit 1' INT\n"
        "sleep 60 & child=$!\n"
        "echo $child > started\n"
        # `wait` can miss a signal that arrives as it begins.
        "while true; do sleep 0.1; done\n"
    )
    (root / "pants").chmod(0o755)
    git = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "One"]):
        subprocess.run([*git, *arguments], cwd=root, check=True)
    return root


def test_the_help_is_a_table_of_contents() -> None:
    shown = CliRunner().invoke(app, ["--help"], env=_WIDE).output
    titles = [line.split("─")[1].strip() for line in shown.splitlines() if line.startswith("╭")]
    assert titles == ["Options", *GROUPS]
    rows = [line.strip("│ ").split(maxsplit=1) for line in shown.splitlines() if "│" in line]
    assert [tuple(map(str.strip, row)) for row in rows[1:]] == [
        (entry.name, entry.about) for entry in commands()
    ]
    assert "130 after Ctrl-C" in shown


@pytest.mark.parametrize("entry", commands(), ids=lambda entry: entry.name)
def test_each_command_explains_itself(entry: FoundryCommand) -> None:
    result = CliRunner().invoke(app, [entry.name, "--help"], env=_WIDE)
    assert result.exit_code == 0, result.output
    lines = [line.strip() for line in result.output.splitlines() if line.strip()]
    assert lines[0].startswith(f"Usage: root {entry.name}")
    assert lines[1] == entry.about


@pytest.mark.parametrize("entry", commands(), ids=lambda entry: entry.name)
def test_an_option_that_does_not_exist_is_wrong_use(entry: FoundryCommand) -> None:
    result = CliRunner().invoke(app, [entry.name, "--nonsense"], env=_WIDE)
    assert result.exit_code == 2
    assert "--nonsense" in result.output


def test_the_help_imports_no_command() -> None:
    imported = imported_by("--help")
    assert not imported & ({entry.folder for entry in commands()} | _HEAVY)


@pytest.mark.parametrize("name", ["locks", "thresholds", "doctor"])
def test_a_command_imports_no_other_one(name: str) -> None:
    imported = imported_by(name, "--help")
    others = {entry.folder for entry in commands() if entry.name != name}
    assert not imported & (others | _HEAVY)


def test_the_page_has_the_same_contents() -> None:
    lines = Path("docs/commands.md").read_text(encoding="utf-8").splitlines()
    shown = [line for line in lines if line.startswith(("## ", "| `./foundry"))]
    expected = []
    for title, entries in GROUPS.items():
        expected.append(f"## {title}")
        expected += [f"| `./foundry {entry.name}` | {entry.about} |" for entry in entries]
    assert shown[: len(expected)] == expected
    assert not any(line.startswith("|") for line in shown[len(expected) :])


def test_no_command_is_wrong_use(tmp_path: Path) -> None:
    assert run_foundry(tmp_path).returncode == 2
    unknown = run_foundry(tmp_path, "nonesuch")
    assert unknown.returncode == 2 and "No such command 'nonesuch'" in unknown.stderr


def test_wrong_input_is_one_message_and_exit_code_2(tmp_path: Path) -> None:
    done = run_foundry(tmp_path, "thresholds", str(tmp_path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("foundry thresholds: no `*.validation.json` below")
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_cannot_be_read_is_wrong_input(repository: Path) -> None:
    (repository / "file").touch()
    more = ("--inputs", "1", "--name", "x")
    done = run_foundry(repository, "new", "--from", "file/x.pt", *more)
    assert done.returncode == 2
    assert done.stderr.startswith("foundry new: ") and "Traceback" not in done.stderr


def test_a_negative_result_is_exit_code_1(tmp_path: Path) -> None:
    thresholds = {"max_abs_difference": {"measured": 0.01, "threshold": 5.0}}
    document = {"address": "models/x:one", "thresholds": thresholds}
    (tmp_path / "one.validation.json").write_text(json.dumps(document))
    assert run_foundry(tmp_path, "thresholds", ".").returncode == 1


def test_paths_are_relative_to_the_callers_folder(repository: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    done = run_foundry(repository, "thresholds", "here", PTE_FOUNDRY_CALLER=str(elsewhere))
    assert done.returncode == 2 and " below here: " in done.stderr
    document = {"address": "models/x:one", "thresholds": {}}
    (elsewhere / "here").mkdir()
    (elsewhere / "here" / "one.validation.json").write_text(json.dumps(document))
    done = run_foundry(repository, "thresholds", "here", PTE_FOUNDRY_CALLER=str(elsewhere))
    assert done.returncode == 0, done.stderr
    # What is not named is the repository's.
    done = run_foundry(repository, "thresholds", PTE_FOUNDRY_CALLER=str(elsewhere))
    assert f"below {repository}/dist/test: " in done.stderr


@pytest.mark.parametrize(
    ("name", "number", "code"),
    [
        ("explain", signal.SIGINT, 130),
        ("reproduce", signal.SIGTERM, 143),
        ("pin", signal.SIGHUP, 129),
    ],
)
def test_a_signal_ends_the_command_and_its_children(
    repository: Path, name: str, number: signal.Signals, code: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "foundry.command.main", name, "models/a:one"],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": _PYTHONPATH},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    started = repository / "started"
    deadline = time.monotonic() + _SECONDS
    while not (started.exists() and started.read_text().strip()):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=_SECONDS)
    assert process.returncode == code, errors
    assert errors.splitlines() == [f"foundry {name}: stopped by {number.name}"]
    assert (repository / "ended").exists()
    shown = ["ps", "-o", "stat=", "-p", started.read_text().strip()]
    state = subprocess.run(shown, capture_output=True, text=True).stdout.strip()
    # Its parent may not have waited for it yet.
    assert not state or state.startswith("Z")
