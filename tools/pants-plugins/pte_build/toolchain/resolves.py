"""The lockfile of a resolve."""

from __future__ import annotations

from pants.backend.python.subsystems.setup import PythonSetup

from pte_build.errors import PteBuildError


def lockfile_path(resolve: str, python_setup: PythonSetup, owner: str) -> str:
    """The lockfile's path in the repository. `owner` is the address that names the resolve, for messages.

    Raises PteBuildError for a resolve that does not exist.
    """
    path = python_setup.resolves.get(resolve)
    if path is None:
        raise PteBuildError(
            f"{owner}: there is no resolve {resolve!r}; [python].resolves in pants.toml has: "
            f"{', '.join(sorted(python_setup.resolves))}."
        )
    return path
