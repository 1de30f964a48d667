"""Another time for a process and all its children: libfaketime, preloaded."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

from workspace.errors import ToolError

# In the wheel `libfaketime`, which brings the library for Linux x86-64.
_PACKAGE = "libfaketime"
_LIBRARY = "vendor/libfaketime/src/libfaketime.so.1"


def clock_environment(seconds: int, folder: Path) -> dict[str, str]:
    """The variables with which a process begins at `seconds` since 1970; its clock goes on from there.

    Every call that asks for the date is covered, in Python, C++ and child processes. The times of
    files are true, and the monotonic clock goes on as it is, because waiting depends on it.

    Args:
        folder: gets a copy of the library, because not every path can be preloaded.

    Raises ToolError where the wheel's library cannot be used.
    """
    if any(blank in str(folder) for blank in " :\t"):
        raise ToolError(f"{folder}: nothing can be preloaded from a path with blanks or colons")
    if sys.platform != "linux":
        raise ToolError("the perturbation `clock` works on Linux only; leave it out with --only")
    copy = folder / Path(_LIBRARY).name
    shutil.copyfile(_library(), copy)
    return {
        "LD_PRELOAD": str(copy),
        "FAKETIME": f"@{seconds}",
        "FAKETIME_FMT": "%s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _library() -> Path:
    # Found, not imported: its Python part is for tests that change the time of their own process.
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (file := Path(folder) / _LIBRARY).is_file():
            return file
    raise ToolError(
        f"the wheel {_PACKAGE} has no {_LIBRARY}; run the tool with `./foundry reproduce`"
    )
