"""The sandbox of a process that Pants has run, kept to run the same process again without Pants."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from workspace.child import how_it_ended, last_lines
from workspace.errors import ToolError
from workspace.pants_run import PantsRun
from workspace.run_script import Command, parse_run_script

# Written by `--keep-sandboxes`: changes to the sandbox and starts the process with its own environment.
_SCRIPT = "__run.sh"


# The unit of `ru_maxrss`: bytes on macOS, kibibytes elsewhere (getrusage(2) of each).
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class ProcessCost:
    """seconds: wall-clock time. peak_bytes: peak resident set of the process, or of a child with a larger one."""

    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class KeptSandbox:
    folder: Path

    def run(self, outputs: tuple[str, ...], other: Command | None = None) -> ProcessCost:
        """Run the process again, or `other` in its place; returns its cost. It must write `outputs`.

        Raises ToolError with the end of its output if it fails.
        """
        for name in outputs:
            (self.folder / name).unlink(missing_ok=True)
        argv = ("bash", _SCRIPT) if other is None else other.argv
        with tempfile.TemporaryFile("w+", errors="replace") as said:
            start = time.perf_counter()
            process = subprocess.Popen(
                argv,
                cwd=self.folder,
                env=None if other is None else dict(other.environment),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            # Not Popen.wait: only this returns what this one process took.
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            output = said.read()
        missing = [name for name in outputs if not (self.folder / name).is_file()]
        if process.returncode != 0 or missing:
            without = f" and without {missing}" if missing else ""
            raise ToolError(
                f"{argv[0]} in a kept sandbox, run without Pants, {how_it_ended(process.returncode)}{without}. "
                f"The end of its output:\n{last_lines(output)}"
            )
        return ProcessCost(seconds, usage.ru_maxrss * _MAXRSS_BYTES)

    def command(self) -> Command:
        """The process. Raises ToolError if its script is not as Pants 2.17 writes it."""
        return parse_run_script((self.folder / _SCRIPT).read_text(encoding="utf-8"))

    def copy_inputs(self, destination: Path, outputs: tuple[str, ...]) -> None:
        """Make a sandbox with the same inputs, as hard links, and without the process's outputs.

        Both have to be on one file system. A process that changes an input in place changes all
        copies, and Pants' store: exports write under temporary names.
        """
        left_out = {_SCRIPT, *outputs}

        def ignore(folder: str, names: list[str]) -> set[str]:
            return left_out.intersection(names) if Path(folder) == self.folder else set()

        shutil.copytree(
            self.folder, destination, symlinks=True, ignore=ignore, copy_function=os.link
        )

    def replace(self, source: Path, name: str) -> None:
        """Replace the content of an input file."""
        target = self.folder / name
        if not target.is_file():
            raise ToolError(f"the sandbox has no {name}; Pants gives the process other inputs now")
        # Not in place: the file may be a hard link into Pants' store.
        target.unlink()
        shutil.copyfile(source, target)


def find_sandbox(run: PantsRun, description: str) -> KeptSandbox:
    """The sandbox that `run` kept of the process; ToolError unless there is exactly one."""
    folders = run.sandboxes(description)
    if len(folders) != 1 or not (Path(folders[0]) / _SCRIPT).is_file():
        raise ToolError(
            f"expected one kept sandbox with {_SCRIPT} of the process `{description}`, found "
            f"{list(folders)}. It may have come from a cache, or the wording of Pants' log has changed"
        )
    return KeptSandbox(Path(folders[0]))
