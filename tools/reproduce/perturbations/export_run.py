"""Run the export process of a kept sandbox again, with one thing changed."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from functools import partial
from importlib import resources
from pathlib import Path

from pte_foundry.confinement.user_namespace import enter_user_namespace
from reproduce.perturbations.fake_clock import clock_environment
from reproduce.perturbations.perturbation import ExportChange
from workspace.errors import ToolError
from workspace.kept_sandbox import KeptSandbox
from workspace.run_script import Command

PROGRAM = "program.pte"
OUTPUTS = (PROGRAM, "facts.json")
_INSIDE = "inside_export"
_FOLDER = "perturbation"  # in the sandbox, beside the export's own inputs
_WITNESS = "witness.json"
_SOURCE_ROOTS = "PEX_EXTRA_SYS_PATH"  # how the plugin tells a toolchain where the sources are
_OUTPUT_LINES = 20


def run_export(sandbox: KeptSandbox, change: ExportChange, scratch: Path) -> bytes:
    """The bytes of the `.pte` that the changed process writes.

    scratch: a folder on the sandbox's file system; what is put there is removed.

    Raises ToolError if the process fails, or did not see the change.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as place:
        root = Path(place).resolve() / change.folder
        sandbox.copy_inputs(root, OUTPUTS)
        extras = root / _FOLDER
        extras.mkdir()
        source = resources.files("reproduce.perturbations").joinpath(f"{_INSIDE}.py")
        (extras / f"{_INSIDE}.py").write_text(source.read_text("utf-8"), encoding="utf-8")
        command = changed_command(sandbox.command(), change)
        clock = {} if change.clock is None else clock_environment(change.clock, Path(place))
        run_in_sandbox(
            root,
            Command(command.argv, {**command.environment, **clock}),
            umask=change.umask,
            user_id=change.user_id,
        )
        _check_seen(root, change)
        if not (root / PROGRAM).is_file():
            raise ToolError(f"the export ended without {PROGRAM}")
        return (root / PROGRAM).read_bytes()


def changed_command(command: Command, change: ExportChange) -> Command:
    """The command that runs `inside_export` around the module of `command`, which is behind `-m`.

    Raises ToolError if the command runs no module.
    """
    start, arguments = split_at_module(command)
    python_path = [*_source_roots(command), _FOLDER]
    settings = {
        "python_path": python_path,
        "hash_seed": change.hash_seed,
        "threads": change.threads,
        "witness": _WITNESS,
    }
    return Command(
        (*start, "-m", _INSIDE, json.dumps(settings), *arguments),
        {
            **command.environment,
            _SOURCE_ROOTS: ":".join(python_path),
            **change.environment,
        },
    )


def split_at_module(command: Command) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is before `-m`, and what is behind it. Raises ToolError if there is no `-m`."""
    if "-m" not in command.argv:
        raise ToolError(f"the export runs no Python module: {' '.join(command.argv)}")
    place = command.argv.index("-m")
    return command.argv[:place], command.argv[place + 1 :]


def run_in_sandbox(
    root: Path,
    command: Command,
    umask: int = -1,
    exit_codes: tuple[int, ...] = (0,),
    user_id: int | None = None,
) -> str:
    """Run a command with `root` as its working directory; its standard output.

    Raises ToolError with the end of its standard error for any other exit code, and where there can be no
    other `user_id`.
    """
    try:
        finished = subprocess.run(
            command.argv,
            cwd=root,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            umask=umask,
            preexec_fn=None if user_id is None else partial(enter_user_namespace, user_id, user_id),
        )
    except subprocess.SubprocessError as error:
        # What is raised in the new process comes without its message.
        raise ToolError(
            f"the process could not become user {user_id}: this machine allows no user namespaces. Leave the "
            "perturbation out with --only"
        ) from error
    if finished.returncode not in exit_codes:
        end = "\n".join(finished.stderr.splitlines()[-_OUTPUT_LINES:])
        raise ToolError(f"the process ended with exit code {finished.returncode}:\n{end}")
    return finished.stdout


def _source_roots(command: Command) -> list[str]:
    return [folder for folder in command.environment.get(_SOURCE_ROOTS, "").split(":") if folder]


def _check_seen(root: Path, change: ExportChange) -> None:
    witness = json.loads((root / _WITNESS).read_text(encoding="utf-8"))
    expected: Mapping[str, object] = {"folder": str(root.resolve()), **change.seen}
    wrong = {name: witness.get(name) for name in expected if witness.get(name) != expected[name]}
    if wrong:
        raise ToolError(
            f"the export did not see the change: it saw {wrong}, not "
            f"{ {name: expected[name] for name in wrong} }. This machine cannot make it"
        )
