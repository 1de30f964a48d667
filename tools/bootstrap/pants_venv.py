"""The virtual environment that holds Pants itself."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from cache_folder import publish, scratch_folder
from messages import note
from pins import PANTS_VERSION, PlatformPins
from pip_command import clean_environment, run_pip, run_step
from start_pants import damaged_file

# Of the script that pip writes.
_LAST_LINE = b"sys.exit(main())"


def venv_folder(cache: Path, python39: Path, requirements: Path) -> Path:
    """The folder of the environment for these requirements and this interpreter.

    Its name ends with the first 12 hex digits of the SHA-256 of both, so a new pin or interpreter gets a new
    environment.
    """
    key = hashlib.sha256(requirements.read_bytes() + b"\0" + os.fsencode(python39)).hexdigest()
    return cache / f"pants-{PANTS_VERSION}-{key[:12]}"


def ensure_pants_venv(
    cache: Path,
    python39: Path,
    requirements: Path,
    platform: PlatformPins,
    environment: Mapping[str, str],
) -> Path:
    """Installs Pants, hash-checked, unless it is there and starts. Returns its folder.

    Raises:
        NoSpaceError: the disk is full.
        PreparationError: the environment cannot be made.
    """
    final = venv_folder(cache, python39, requirements)
    if _starts(final, environment):
        return final
    note(f"Installing Pants {PANTS_VERSION} into {final} (once, about 25 s)")
    task = f"installing Pants {PANTS_VERSION}"
    with scratch_folder(cache) as scratch:
        unfinished = scratch / "venv"
        run_step(
            [str(python39), "-m", "venv", str(unfinished)],
            scratch,
            clean_environment(environment),
            f"making a virtual environment with {python39}",
        )
        sources = ["--only-binary", ":all:"]
        for name in platform.built_from_source:
            sources += ["--no-binary", name]
        run_pip(
            unfinished / "bin" / "python",
            ["install", "--require-hashes", "--no-compile", *sources, "-r", str(requirements)],
            scratch,
            environment,
            task,
        )
        _rename_inside(unfinished, final)
        publish(unfinished, final)
    return final


def installed_record(folder: Path) -> list[Path]:
    """pip's list of Pants' files, which also names its version."""
    packages = folder / "lib/python3.9/site-packages"
    return sorted(packages.glob(f"pantsbuild.pants-{PANTS_VERSION}.dist-info/RECORD"))


def _starts(folder: Path, environment: Mapping[str, str]) -> bool:
    program = folder / "bin" / "pants"
    try:
        if not os.access(program, os.X_OK) or _LAST_LINE not in program.read_bytes():
            return False
        (record,) = installed_record(folder)
        if damaged_file(record.parents[1]) is not None:
            return False
        check = subprocess.run(
            [str(folder / "bin" / "python"), "-Es", "-c", "import pants.bin.pants_loader"],
            env=clean_environment(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except (OSError, ValueError):
        return False  # Its interpreter was uninstalled, or files are missing.
    return check.returncode == 0


def _rename_inside(folder: Path, final: Path) -> None:
    # The scripts of a virtual environment name the folder it was made in.
    old, new = os.fsencode(folder), os.fsencode(final)
    for path in sorted((folder / "bin").iterdir()):
        if path.is_file() and not path.is_symlink():
            text = path.read_bytes()
            if old in text:
                path.write_bytes(text.replace(old, new))
