"""Run `explain.inside` in a copy of the sandbox of a program's export."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from workspace.errors import ToolError
from workspace.export_process import (
    OUTPUTS,
    SOURCE_ROOTS,
    run_in_sandbox,
    source_roots,
    split_at_module,
)
from workspace.kept_sandbox import KeptSandbox
from workspace.run_script import Command

# In the repository: what runs in the sandbox, under the same dotted names as here.
INSIDE = Path("tools/explain/inside")
_MODULE = "explain.inside.explain_export"
_SOURCES = "explanation_sources"  # in the sandbox, beside the export's own inputs
_RESULTS = "explanation"


def run_explanation(sandbox: KeptSandbox, repository: Path, scratch: Path, etrecord: bool) -> Path:
    """The folder with what `explain.inside.explain_export` has written.

    Args:
        repository: whose `foundry explain` explains.
        scratch: a folder on the sandbox's file system. What is put there lasts as long as it.

    Raises ToolError with the end of what the process says if it fails.
    """
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
    request = arguments[1]
    environment = sandbox.command().environment
    run_in_sandbox(
        root,
        Command(
            (*start, "-m", _MODULE, request, _RESULTS, *(("--etrecord",) if etrecord else ())),
            {
                **environment,
                SOURCE_ROOTS: ":".join([*source_roots(sandbox.command()), _SOURCES]),
            },
        ),
    )
    return results
