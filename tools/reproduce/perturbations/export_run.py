"""Run the export process of a kept sandbox again, with one thing changed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from reproduce.perturbations.fake_clock import clock_environment
from reproduce.perturbations.perturbation import ExportChange
from workspace.errors import ToolError
from workspace.export_process import (
    OUTPUTS,
    PROGRAM,
    SOURCE_ROOTS,
    run_in_sandbox,
    source_roots,
    split_at_module,
)
from workspace.kept_sandbox import KeptSandbox
from workspace.run_script import Command

_INSIDE = "inside_export"
_FOLDER = "perturbation"  # in the sandbox, beside the export's own inputs
_WITNESS = "witness.json"


def run_export(sandbox: KeptSandbox, change: ExportChange, scratch: Path) -> bytes:
    """The `.pte` that the changed process writes.

    scratch: a folder on the sandbox's file system, for temporary files.

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
    """The command that runs `inside_export` around the module of `command`, which follows `-m`.

    Raises ToolError if the command runs no module.
    """
    start, arguments = split_at_module(command)
    python_path = [*source_roots(command), _FOLDER]
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
            SOURCE_ROOTS: ":".join(python_path),
            **change.environment,
        },
    )


def _check_seen(root: Path, change: ExportChange) -> None:
    witness = json.loads((root / _WITNESS).read_text(encoding="utf-8"))
    expected: Mapping[str, object] = {"folder": str(root.resolve()), **change.seen}
    wrong = {name: witness.get(name) for name in expected if witness.get(name) != expected[name]}
    if wrong:
        raise ToolError(
            f"the export did not see the change: it saw {wrong}, not "
            f"{ {name: expected[name] for name in wrong} }. This machine cannot make it"
        )
