"""Find where two programs differ, with the toolchain that made them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from workspace.export_process import OUTPUTS, run_in_sandbox, split_at_module
from workspace.kept_sandbox import KeptSandbox
from workspace.run_script import Command

_MODULE = "pte_foundry.inspection.compare_main"
_SOURCE_ROOT = "src/python"
_DIFFERENT = 1  # the module's exit code


def differing_part(
    sandbox: KeptSandbox, repository: Path, first: bytes, second: bytes, scratch: Path
) -> str:
    """The result of `pte_foundry.inspection.differences` for two different programs.

    repository: with the library that compares. scratch: a folder on the sandbox's file system.

    Raises ToolError if the comparison fails.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as place:
        root = Path(place) / "sandbox"
        sandbox.copy_inputs(root, OUTPUTS)
        (root / "first.pte").write_bytes(first)
        (root / "second.pte").write_bytes(second)
        export = sandbox.command()
        start, _ = split_at_module(export)
        sources = str(repository / _SOURCE_ROOT)
        command = Command(
            (*start, "-m", _MODULE, "first.pte", "second.pte"),
            {**export.environment, "PEX_EXTRA_SYS_PATH": sources},
        )
        return run_in_sandbox(root, command, exit_codes=(_DIFFERENT,)).strip()
