"""Run pip, and explain its failures."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

from messages import NoSpaceError, PreparationError

# Against settings that install elsewhere, or stop pip outside a virtual environment.
_OVERRIDES = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_REQUIRE_VIRTUALENV": "0",
    "PIP_USER": "0",
}
_DROPPED = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_QUIET", "PIP_VERBOSE")

_starting = threading.Lock()
_stopped = threading.Event()
_running: set[subprocess.Popen[str]] = set()

_NO_SPACE = re.compile(r"No space left on device|Disk quota exceeded|Errno 28\b|File too large")
_WRONG_HASH = re.compile(r"DO NOT MATCH THE HASHES|Hash(es are)? mismatch", re.IGNORECASE)
_UNREACHABLE = re.compile(
    r"NewConnectionError|Failed to establish|Name or service not known|Max retries exceeded"
    r"|ConnectTimeout|Read timed out|ProxyError|SSLError|CERTIFICATE_VERIFY_FAILED"
    r"|Connection refused|Connection broken|Temporary failure in name resolution"
)
_NOT_FOUND = re.compile(r"No matching distribution found|Could not find a version")


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a Python child, without variables that change its modules or output."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(("PYTHON", "PEX_"))
        and name not in (*_DROPPED, "SOURCE_DATE_EPOCH", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    }


def run_pip(
    python: Path, arguments: list[str], scratch: Path, environment: Mapping[str, str], task: str
) -> str:
    """Runs `python -m pip` in the folder `scratch` and returns its standard output.

    Args:
        scratch: working and temporary folder, on the disk of the result.
        task: completes "pants: ... failed", e.g. "installing Pants 2.17.1".

    Raises:
        NoSpaceError: the disk is full.
        PreparationError: pip failed; the text names the cause if pip's output shows it.
    """
    return run_step(
        [str(python), "-m", "pip", *arguments],
        scratch,
        {**clean_environment(environment), **_OVERRIDES},
        task,
    )


def run_step(command: list[str], scratch: Path, environment: Mapping[str, str], task: str) -> str:
    """Runs any command that installs or downloads; see `run_pip`."""
    with _starting:
        if _stopped.is_set():
            raise PreparationError(f"{task} was not started")
        process = subprocess.Popen(
            command,
            cwd=scratch,
            env={**environment, "TMPDIR": str(scratch)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        _running.add(process)
    try:
        stdout, stderr = process.communicate()
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        _running.discard(process)
    if process.returncode != 0:
        raise explain_failure(task, stdout + stderr, scratch.parent)
    return stdout


def stop_all() -> None:
    """Ends all commands of `run_step`, in whatever thread, and keeps further ones from starting."""
    with _starting:
        _stopped.set()
        for process in list(_running):
            process.terminate()


def start_again() -> None:
    """Undoes `stop_all`, for commands that start from now on."""
    _stopped.clear()


def explain_failure(task: str, output: str, folder: Path) -> PreparationError:
    """The error for a failed step, from what it printed."""
    if _NO_SPACE.search(output):
        return no_space(task, folder)
    errors = [line.strip() for line in output.splitlines() if "ERROR" in line or "Error:" in line]
    last = [line.strip() for line in output.splitlines() if line.strip()]
    shown = "\n".join(f"  {line[:300]}" for line in (errors or last)[-4:])
    if _WRONG_HASH.search(output):
        return PreparationError(
            f"{task} failed: wrong hash. A package source serves a file that is not the pinned one."
            f"\n{_detail(output)}\n"
            "Check the index and find-links in `pip config debug`; never just change the pin."
        )
    if _UNREACHABLE.search(output):
        return PreparationError(
            f"{task} failed: the package index cannot be reached.\n{shown}\n"
            "Check the network, the proxy and the certificate settings in `pip config debug`."
        )
    if _NOT_FOUND.search(output):
        return PreparationError(
            f"{task} failed: no package source has what is needed.\n{shown}\n"
            "Point pip at an index that has it (index-url, extra-index-url or find-links)."
        )
    return PreparationError(f"{task} failed.\n{shown}")


def no_space(task: str, folder: Path) -> NoSpaceError:
    """The error for a full disk."""
    return NoSpaceError(
        f"{task} failed: no disk space left.\n"
        f"About 1 GB is needed in {folder} (and some in pip's own cache); make room, or name a"
        " folder on another disk with PTE_FOUNDRY_CACHE."
    )


def _detail(output: str) -> str:
    wanted = re.compile(r"^\s*(Expected|Got|\S+ from |.*==)", re.IGNORECASE)
    lines = [line for line in output.splitlines() if wanted.match(line)]
    return os.linesep.join(f"  {line.strip()[:200]}" for line in lines[-6:])
