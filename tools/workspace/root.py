"""The repository's root, wherever the user is."""

from __future__ import annotations

import os
from pathlib import Path

from workspace.errors import ToolError

ROOT = "PTE_FOUNDRY_ROOT"
"""Set while a command runs in the user's folder: where `./pants run` was started."""
CALLER = "PTE_FOUNDRY_CALLER"
"""Set by the wrapper `./foundry`: the user's folder, which paths on the command line are relative to."""


def find_root() -> Path:
    """The folder with `pants.toml` and the launcher. Raises ToolError if it cannot be found."""
    start = Path(os.environ.get(ROOT) or Path.cwd())
    for folder in (start, *start.parents):
        if (folder / "pants.toml").is_file() and (folder / "pants").is_file():
            return folder
    raise ToolError(
        f"{start}: neither this folder nor one above has pants.toml and the launcher ./pants. "
        "Run the command inside the repository"
    )


def enter_callers_folder() -> None:
    """Go to the folder where `./foundry` was called, and remember the root. Raises ToolError as `find_root` does."""
    caller = os.environ.pop(CALLER, None)
    if caller is None:
        return
    os.environ[ROOT] = str(find_root())
    try:
        os.chdir(caller)
    except OSError as error:
        raise ToolError(f"{caller}: cannot be entered: {error.strerror}") from None
