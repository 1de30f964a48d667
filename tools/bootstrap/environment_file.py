"""The result of the preparation: a file that bash sources, valid while what it names is as it was."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

# The last line. A file without it was cut off, and is not sourced.
END = "# end"


def render(
    settings: Mapping[str, str],
    requires: tuple[Path, ...],
    watched: tuple[Path, ...],
    pants: Path | None,
) -> str:
    """The file's text. `.pants.bootstrap` defines the functions that it calls.

    Args:
        settings: environment variables, exported unless the user has set them.
        requires: files that exist. Without them, or when one has another size, the preparation has
            to run again.
        watched: files whose later creation or change does the same (pip's site configuration).
        pants: the pants program, for `./pants` alone.
    """
    lines = [
        f"_pte_require {path.stat().st_size} {shlex.quote(str(path))}{_run(path)} || return 1"
        for path in requires
    ]
    lines += [f"_pte_unchanged {shlex.quote(str(path))} || return 1" for path in watched]
    lines += [
        f"_pte_default {name} {shlex.quote(value)}" for name, value in sorted(settings.items())
    ]
    if pants is not None:
        lines.append(f"pte_pants={shlex.quote(str(pants))}")
    return "\n".join([*lines, END]) + "\n"


def _run(path: Path) -> str:
    return " run" if os.access(path, os.X_OK) else ""
