"""Run a process of a toolchain on a worker (standard library only).

A file among the inputs of such a process, for the CPython 3.11 of the worker. A folder that the worker keeps, if it has
one, saves unpacking and compiling the toolchain for each process.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# Fixed, because this file is in the key of what runs there.
KEPT = Path("/var/cache/pte-foundry")
# Beside a link to its Python, a worker may have a file with its name: sandboxes hide that of the machine.
_NAME = Path("/opt/pte-foundry/name")
# Instead of a process: write the file that follows, and say what the worker is.
CHECK = "--check-worker"
# Before what this module says on stderr.
SAYS = "worker"
# As the variable PTE_PROGRESS has it (`progress/stage_files.py`).
_STAGES = Path(".progress")
_COMPILE = (
    "import sys; sys.path.insert(0, '.python'); import compile_packages; "
    "sys.exit(compile_packages.main(sys.argv[1:]))"
)
_SOURCE_ROOT = "src/python"
_MARK = re.compile(r"^(\d{1,12}(?:\.\d{1,9})?) ([\x20-\x7e]{1,200})$", re.MULTILINE)
_LONGEST_STAGES = 100_000
_SIGNALLED = 128  # And the number of the signal, as shells have it.


def main(arguments: Sequence[str]) -> int:
    """The arguments are those of a Python: a PEX, and what it is to run. Returns the exit code."""
    if arguments[0] == CHECK:
        Path(arguments[1]).write_text("the runner returns output files\n", encoding="utf-8")
        print(json.dumps(describe_worker(KEPT), sort_keys=True))
        return 0
    started = time.time()
    environment = dict(os.environ)
    if can_be_kept(KEPT):
        environment["PEX_ROOT"] = str(KEPT / "pex_root")
        _compile(arguments[0], environment)
    else:
        print(f"{SAYS}: no folder {KEPT} to keep toolchains in", file=sys.stderr, flush=True)
    _STAGES.mkdir(exist_ok=True)
    code = subprocess.call([sys.executable, *arguments], env=environment)
    print(run_line(_STAGES, started, time.time()), file=sys.stderr, flush=True)
    return code if code >= 0 else _SIGNALLED - code


def describe_worker(kept: Path) -> dict[str, object]:
    """What decides whether a toolchain works on this machine."""
    return {
        "name": worker_name(_NAME),
        "platform": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "libc": " ".join(platform.libc_ver()),
        "libstdc++": _loads("libstdc++.so.6"),
        "keeps": can_be_kept(kept),
    }


def worker_name(file: Path) -> str:
    """What the worker calls itself, else the machine's name; without blanks."""
    try:
        said = file.read_text("utf-8")
    except OSError:
        said = os.uname().nodename
    return "-".join(said.split()) or "unknown"


def can_be_kept(folder: Path) -> bool:
    """Whether the worker offers a folder that outlives its processes."""
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def run_line(folder: Path, started: float, ended: float) -> str:
    """Which worker ran a process, for how long, and what its stages took, of the file that it wrote them to."""
    marks = [(started, "starting")]
    for file in sorted(folder.iterdir()):
        # The process may have put anything there.
        if file.is_symlink() or not file.is_file():
            continue
        with file.open(encoding="utf-8", errors="replace") as opened:
            text = opened.read(_LONGEST_STAGES)
        # The mark of the end has no name.
        marks += [(float(begun), stage) for begun, stage in _MARK.findall(text)]
    ends = [begun for begun, _ in marks[1:]] + [ended]
    parts = ", ".join(f"{stage} {end - begun:.1f}" for (begun, stage), end in zip(marks, ends))
    return f"{SAYS}: {worker_name(_NAME)} took {ended - started:.1f} s ({parts})"


def _compile(pex: str, environment: dict[str, str]) -> None:
    """Make the toolchain's environment, with the bytecode of what the sources import; the bytes do not depend on it."""
    code = subprocess.call([sys.executable, pex, "-c", _COMPILE, _SOURCE_ROOT], env=environment)
    if code != 0:
        print(f"{SAYS}: the toolchain was not prepared: exit code {code}", file=sys.stderr)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
