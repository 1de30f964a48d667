"""Processes that a command starts, and that end with it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

# Pants gives an interrupted command five seconds in all.
_SECONDS_TO_END = 3.0
_LOG_LINES = 20
_MEANINGS = {
    signal.SIGILL: ": it was told to use instructions that this CPU lacks",
    signal.SIGKILL: ": perhaps memory ran out",
}


def run_child(
    argv: Sequence[str],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    merge_output: bool = False,
    umask: int = -1,
    prepare: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with its output as text and nothing on its standard input.

    If this process is interrupted meanwhile, the program and all that it has started end first.

    Args:
        merge_output: standard error goes into `stdout`, in the order in which it was written.
        prepare: runs in the new process, before the program.
    """
    process = subprocess.Popen(
        argv,
        cwd=folder,
        env=None if environment is None else dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merge_output else subprocess.PIPE,
        text=True,
        errors="replace",
        umask=umask,
        preexec_fn=prepare,
        # Interrupted only by us, and once: a second Ctrl-C would make Pants leave its own children behind.
        process_group=0,
    )
    try:
        output, errors = process.communicate()
    except BaseException:
        end_group(process)
        raise
    return subprocess.CompletedProcess(argv, process.returncode, output, errors or "")


def end_group(process: subprocess.Popen[str]) -> None:
    """Interrupt a process that leads a group, give it time to end its own children, then kill what is left."""
    with process, suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_END)
        os.killpg(process.pid, signal.SIGKILL)


def how_it_ended(code: int) -> str:
    """Of a process, in a few words. code: as `Popen.wait` returns it."""
    if code >= 0:
        return f"ended with exit code {code}"
    number = signal.Signals(-code) if -code in set(signal.Signals) else None
    name = f"signal {-code}" if number is None else number.name
    return f"was killed by {name}{'' if number is None else _MEANINGS.get(number, '')}"


def last_lines(output: str) -> str:
    """The end of what a process wrote."""
    return "\n".join(output.splitlines()[-_LOG_LINES:])


def end_of_log(log: Path) -> str:
    """The last lines of a file that a process wrote, of whatever bytes they are."""
    return last_lines(log.read_text("utf-8", errors="replace"))
