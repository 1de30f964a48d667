"""The pex command line tool that Pants runs, built from the package index's pex."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from cache_folder import matches, publish, require_match, scratch_folder
from messages import PreparationError, note
from pins import PEX_CLI_SHA256, PEX_CLI_SIZE, PEX_VERSION
from pip_command import clean_environment, run_pip, run_step

_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._~+@,=-]+")


def require_plain_path(cache: Path) -> None:
    """Raises PreparationError if the path has a space or another character that URLs escape.

    Pants 2.17.1 reads the path of a `file:` URL without undoing the escapes.
    """
    if not _PLAIN_PATH.fullmatch(str(cache)):
        raise PreparationError(
            f"the cache folder {str(cache)!r} has a character that Pants cannot read in a URL.\n"
            "Name a folder of letters, digits and / . _ ~ + @ , = - only, with PTE_FOUNDRY_CACHE."
        )


def ensure_pex_cli(
    cache: Path, python311: Path, requirements: Path, environment: Mapping[str, str]
) -> Path:
    """Builds `<cache>/pex-cli/v<version>/pex` unless it is there with the pinned hash.

    Raises:
        NoSpaceError: the disk is full.
        PreparationError: pex cannot be fetched or built, or the result has another hash.
    """
    final = cache / "pex-cli" / f"v{PEX_VERSION}" / "pex"
    if matches(final, PEX_CLI_SHA256, PEX_CLI_SIZE):
        return final
    note(f"Building the pex {PEX_VERSION} command line tool (once, about 5 s)")
    with scratch_folder(cache) as scratch:
        built = _build(python311, requirements, scratch, environment)
        require_match(
            built,
            PEX_CLI_SHA256,
            PEX_CLI_SIZE,
            f"{python311} builds another pex than other machines do: try another CPython 3.11"
            " (PTE_PYTHON311). For a new pex version see tools/bootstrap/pins.py.",
        )
        built.chmod(0o755)
        publish(built, final)
    return final


def _build(
    python311: Path, requirements: Path, scratch: Path, environment: Mapping[str, str]
) -> Path:
    wheels, site, built = scratch / "wheels", scratch / "site", scratch / "pex"
    task = f"fetching pex {PEX_VERSION}"
    options = ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
    run_pip(
        python311,
        ["download", *options, "-r", str(requirements), "-d", str(wheels)],
        scratch,
        environment,
        task,
    )
    (wheel,) = wheels.glob("*.whl")
    # Not a virtual environment: Debian's Python has no ensurepip.
    run_pip(
        python311,
        ["install", "--no-deps", "--no-index", "--no-compile", "--target", str(site), str(wheel)],
        scratch,
        environment,
        task,
    )
    run_step(
        [
            *(str(python311), "-s", "-m", "pex", f"pex=={PEX_VERSION}", "-c", "pex"),
            *("--no-compile", "--python-shebang", "/usr/bin/env python3"),
            # Written into the file: the default depends on XDG_CACHE_HOME and the operating system.
            *("--runtime-pex-root", "~/.cache/pex"),
            *("--no-pypi", "--find-links", str(wheels), "-o", str(built)),
        ],
        scratch,
        {
            **clean_environment(environment),
            "PEX_IGNORE_RCFILES": "true",
            "PEX_ROOT": str(scratch / "pex-root"),
            "PYTHONPATH": str(site),
        },
        f"building the pex {PEX_VERSION} command line tool",
    )
    return built
