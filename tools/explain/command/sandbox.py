"""Run `explain.inside` in a copy of the sandbox of a program's export."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

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

# In the repository: what runs in the sandbox, under the same dotted names as here.
INSIDE = Path("tools/explain/inside")
_EXPLAIN, _PROFILE = "explain.inside.explain_export", "explain.inside.profile_program"
_SOURCES = "explanation_sources"  # in the sandbox, beside the export's own inputs
_RESULTS = "explanation"
_PROFILED = "profiled.pte"


def run_explanation(sandbox: KeptSandbox, repository: Path, scratch: Path, etrecord: bool) -> Path:
    """The folder with what `explain.inside.explain_export` has written.

    Args:
        repository: whose `foundry explain` explains.
        scratch: a folder on the sandbox's file system. What is put there lasts as long as it.

    Raises ToolError with the end of what the process says if it fails.
    """
    options = ("--etrecord",) if etrecord else ()
    return _run(
        sandbox, repository, scratch, lambda _, request: (_EXPLAIN, request, _RESULTS, *options)
    )


def run_profile(sandbox: KeptSandbox, repository: Path, scratch: Path) -> Path:
    """The folder with what `explain.inside.profile_program` has written of the program in the sandbox.

    Arguments and errors are those of `run_explanation`.
    """

    def arguments(root: Path, request: str) -> tuple[str, ...]:
        shutil.copyfile(sandbox.folder / PROGRAM, root / _PROFILED)
        return (_PROFILE, request, _PROFILED, _RESULTS)

    return _run(sandbox, repository, scratch, arguments)


def _run(
    sandbox: KeptSandbox,
    repository: Path,
    scratch: Path,
    module: Callable[[Path, str], tuple[str, ...]],
) -> Path:
    """module: from the new sandbox and the export's request to the module that runs there, and its arguments."""
    root = Path(tempfile.mkdtemp(dir=scratch)).resolve() / "sandbox"
    sandbox.copy_inputs(root, OUTPUTS)
    shutil.copytree(
        repository / INSIDE,
        root / _SOURCES / "explain" / INSIDE.name,
        ignore=shutil.ignore_patterns("*_test.py", "BUILD", "__pycache__"),
    )
    results = root / _RESULTS
    results.mkdir()
    start, arguments = split_at_module(sandbox.command())
    if len(arguments) < 2:
        raise ToolError(f"the export names no request: {' '.join(arguments)}")
    environment = sandbox.command().environment
    roots = ":".join([*source_roots(sandbox.command()), _SOURCES])
    run_in_sandbox(
        root,
        Command((*start, "-m", *module(root, arguments[1])), {**environment, SOURCE_ROOTS: roots}),
    )
    return results
