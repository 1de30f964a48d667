"""The launcher's own builds of CPython, for machines that have none that will do."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from interpreters import find_interpreter
from messages import PreparationError

_SCRIPT = Path(__file__).resolve().parent / "fetch_python.sh"


def ensure_interpreters(
    cache: Path, wanted: Mapping[int, tuple[str, ...]], environment: Mapping[str, str]
) -> dict[int, Path]:
    """The CPythons that the machine has; in place of others the launcher's, which are then installed in `cache`.

    Debian's Python without pip or ensurepip will not do.

    Args:
        wanted: minor version to the modules that it must have.

    Returns:
        minor version to executable.

    Raises:
        PreparationError: PTE_PYTHON3<minor> names something else.
        SystemExit: one cannot be fetched; the script has said why, and what to do.
    """
    found: dict[int, Path] = {}
    for minor, modules in wanted.items():
        try:
            found[minor] = find_interpreter(minor, modules, environment, cache).executable
        except PreparationError:
            if environment.get(f"PTE_PYTHON3{minor}"):
                raise
    missing = [minor for minor in wanted if minor not in found]
    if missing:
        _fetch(cache, missing, environment)
    for minor in missing:
        found[minor] = find_interpreter(minor, wanted[minor], environment, cache).executable
    return found


def _fetch(cache: Path, minors: Sequence[int], environment: Mapping[str, str]) -> None:
    bash = shutil.which("bash") or "/bin/bash"
    finished = subprocess.run(
        [bash, str(_SCRIPT), str(cache), *map(str, minors)],
        env={**environment, "PTE_ANY_PYTHON": sys.executable},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if finished.returncode != 0:
        raise SystemExit(max(finished.returncode, 1))
