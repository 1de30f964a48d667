"""Run `pte_foundry.evaluation.main` in the toolchain of a program."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pte_foundry.evaluation.request import EvaluationRequest
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json, write_json
from workspace.child import end_of_log, how_it_ended
from workspace.errors import ToolError
from workspace.export_process import source_roots, split_at_module
from workspace.kept_sandbox import KeptSandbox
from workspace.sandbox_python import SandboxPython

_MAIN = "pte_foundry.evaluation.main"
_REQUEST = "evaluation_request.json"
_LIBRARY = "src/python"


class ProcessFailed(ToolError):
    """The process crashed, was killed, or ended with an error.

    Attributes:
        how: in a few words.
    """

    def __init__(self, how: str, log: str) -> None:
        super().__init__(f"the evaluation {how}:\n{log}")
        self.how = how


def export_request(sandbox: KeptSandbox) -> ExportRequest:
    """What the export in this sandbox was asked. Raises ToolError if it names no request."""
    _, arguments = split_at_module(sandbox.command())
    if len(arguments) < 2:
        raise ToolError(f"the export names no request: {' '.join(arguments)}")
    return ExportRequest.read(Fields(read_json(sandbox.folder / arguments[1]), arguments[1]))


def answers(
    root: Path, sandbox: KeptSandbox, scratch: Path, request: EvaluationRequest
) -> Iterator[dict[str, Any]]:
    """What the process says, as it says it; it ends with the iterator.

    Args:
        root: the repository, whose library evaluates.
        sandbox: of an export with the program's toolchain and checkpoint.
        scratch: a folder for the process's request and log.

    Raises:
        ProcessFailed: with the end of what the process writes.
    """
    folder = Path(tempfile.mkdtemp(dir=scratch))
    write_json(folder / _REQUEST, request.to_json())
    shutil.copyfile(folder / _REQUEST, sandbox.folder / _REQUEST)
    # The export has the modules that it needs itself; the same ones and all others are in the repository.
    roots = [Path(each) for each in source_roots(sandbox.command()) if each != _LIBRARY]
    python = SandboxPython(sandbox.folder, (root / _LIBRARY, *roots))
    log = folder / "log"
    with log.open("w", encoding="utf-8") as file:
        process = python.start(
            _MAIN, _REQUEST, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, log=file
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                yield json.loads(line)
            code = process.wait()
        except BaseException:
            process.kill()
            process.communicate()
            raise
    if code != 0:
        raise ProcessFailed(how_it_ended(code), end_of_log(log))
