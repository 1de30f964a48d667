"""Describe a process that failed: a short cause first, then its whole log."""

from __future__ import annotations

import re
import signal
import textwrap

from pants.engine.fs import Digest, FileContent
from pants.engine.process import FallibleProcessResult, Process
from pants.util.logging import LogLevel

# How the library begins the message of an expected failure, on a line of its own (pte_foundry.errors).
_MESSAGE = re.compile(r"^pte-foundry: ", re.MULTILINE)
# What the engine adds to the error output of a process that it stopped, or to the output of one that a worker stopped.
_TIMEOUT = re.compile(r"^Exceeded (?:user )?timeout of ([\d.]+) ?s(?:econds)?\b", re.MULTILINE)
_TRACEBACK = "Traceback (most recent call last):\n"
# A shell reports the signal n as the exit code 128 + n, the engine as -n.
_SHELL_SIGNAL = 128
# A graph that is printed into the log can have any size. Nobody reads more than this.
_MOST_CHARACTERS = 200_000


# A log can be too long for a command line.
_MESSAGE_FILE = "message.txt"


def message_file(message: str) -> FileContent:
    """The file that `failing_process` prints."""
    return FileContent(_MESSAGE_FILE, f"{message}\n".encode())


def failing_process(message: Digest) -> Process:
    """Prints the message on stderr and fails: a test that could not even start fails like any other.

    Pants makes test results only from processes.
    """
    return Process(
        ("/bin/sh", "-c", f"/bin/cat {_MESSAGE_FILE} >&2; exit 1"),
        input_digest=message,
        description="Report why a program could not be built",
        level=LogLevel.DEBUG,
    )


def describe_failure(what: str, result: FallibleProcessResult) -> str:
    """`what`, the cause, then all that the process wrote.

    what: the address and what failed, such as `models/a:b: export failed`.
    """
    cause = failure_cause(result)
    summary = f"{what}: {cause}"
    log = "\n".join(text.strip() for text in _texts(result) if text.strip())
    if log in ("", cause, f"pte-foundry: {cause}"):
        return summary
    if len(log) > _MOST_CHARACTERS:
        log = f"({len(log) - _MOST_CHARACTERS} characters are left out)\n{log[-_MOST_CHARACTERS:]}"
    return f"{summary}\n\nThe whole log of the process:\n\n{textwrap.indent(log, '    ')}"


def failure_cause(result: FallibleProcessResult) -> str:
    """Why a process failed, in a line or a few."""
    stdout, stderr = _texts(result)
    messages = _MESSAGE.split(stderr)
    if len(messages) > 1:
        return messages[-1].strip()
    if timeout := _TIMEOUT.search(stderr) or _TIMEOUT.search(stdout):
        return (
            f"it was stopped after its timeout of {timeout[1]} seconds. Raise the `timeout` of the "
            "target, or see in the log where it hangs"
        )
    code = result.exit_code
    number = -code if code < 0 else code - _SHELL_SIGNAL
    if number == signal.SIGKILL:
        return (
            "it was killed by SIGKILL, most likely for lack of memory. Run fewer processes at once "
            "(--process-execution-local-parallelism=1), or use a machine with more memory"
        )
    if number in list(signal.Signals):
        return f"it crashed with {signal.Signals(number).name}"
    return _raised(stderr) or _last_line(stdout) or _last_line(stderr) or f"exit code {code}"


def _texts(result: FallibleProcessResult) -> tuple[str, str]:
    return result.stdout.decode(errors="replace"), result.stderr.decode(errors="replace")


def _raised(stderr: str) -> str | None:
    """The exception of the last traceback: the first line after it that is not indented."""
    _, found, frames = stderr.rpartition(_TRACEBACK)
    lines = (line for line in frames.splitlines() if line and not line[0].isspace())
    return next(lines, None) if found else None


def _last_line(text: str) -> str | None:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else None
