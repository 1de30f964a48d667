"""Another time for a process and its children, by preloading libfaketime."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

from workspace.errors import ToolError

# The wheel has the library for Linux x86-64.
_PACKAGE = "libfaketime"
_LIBRARY = "vendor/libfaketime/src/libfaketime.so.1"


def clock_environment(seconds: int, folder: Path) -> dict[str, str]:
    """The variables that start the clock of a process at `seconds` since 1970.

    They affect every call for the date, in Python, C++ and child processes, but neither the times of files nor the
    monotonic clock, which waiting depends on.

    Args:
        folder: gets a copy of the library, since not every path can be preloaded.

    Raises ToolError if the library cannot be used.
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
    # Not imported: its Python part changes the time of its own process.
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (file := Path(folder) / _LIBRARY).is_file():
            return file
    raise ToolError(
        f"the wheel {_PACKAGE} has no {_LIBRARY}; run the tool with `./foundry reproduce`"
    )
