"""Prepares the cache folder and writes the environment file that the launcher sources.

    prepare.py --cache FOLDER --environment-file FILE [--with-pants]

Exit status: 0; 1 with a message on standard error; 130 or 143 after Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from cache_folder import locked, publish, scratch_folder
from environment_file import pants_settings, render
from interpreters import find_interpreter
from managed_python import ensure_interpreters
from messages import PreparationError, note
from pants_venv import ensure_pants_venv, installed_record
from pex_cli import ensure_pex_cli, require_plain_path
from pins import PANTS_REQUIREMENTS, PEX_REQUIREMENTS, platform_pins
from pip_command import no_space
from pip_settings import PipSettings, read_pip_settings
from side_by_side import side_by_side
from torch_wheel import ensure_torch_wheel

_HERE = Path(__file__).resolve().parent


def prepare(
    cache: Path, environment_file: Path, with_pants: bool, environment: Mapping[str, str]
) -> None:
    """Brings the cache folder up to date and writes `environment_file`.

    Args:
        with_pants: also install Pants (which scie-pants does itself).

    Raises:
        PreparationError: something that the user has to fix.
    """
    require_plain_path(cache)
    platform = platform_pins()
    wanted: dict[int, tuple[str, ...]] = {11: ("pip",)}
    if with_pants:
        wanted[9] = ("venv", "ensurepip")
    found = ensure_interpreters(cache, wanted, environment)
    python311 = found[11]
    python39 = found[9] if with_pants else _find_python39(cache, environment)
    interpreters = (python311,) if python39 is None else (python39, python311)
    if not platform.tested:
        note("the launcher is untested on this kind of machine; please report what happens")

    def pip_settings() -> tuple[PipSettings, tuple[Path, ...]]:
        with scratch_folder(cache) as scratch:
            return read_pip_settings(python311, scratch, environment)

    def pex_cli() -> Path:
        return ensure_pex_cli(cache, python311, _HERE / PEX_REQUIREMENTS, environment)

    def torch_wheels() -> Path | None:
        if platform.torch_wheel is None:
            return None
        return ensure_torch_wheel(cache, platform.torch_wheel, python311, environment)

    def pants_venv() -> Path | None:
        if not with_pants or python39 is None:
            return None
        requirements = _HERE / PANTS_REQUIREMENTS
        return ensure_pants_venv(cache, python39, requirements, platform, environment)

    with locked(cache):
        # The longest one first.
        venv, wheels, pex, (pip, config_files) = side_by_side(
            pants_venv, torch_wheels, pex_cli, pip_settings
        )
        for name in pip.ignored:
            note(f"pip's setting {name} is not passed on to Pants")
        requires = [*interpreters, pex]
        if wheels is not None and platform.torch_wheel is not None:
            requires.append(wheels / platform.torch_wheel.file_name)
        pants = None
        if venv is not None:
            pants = venv / "bin" / "pants"
            requires += [venv / "bin" / "python", pants, *installed_record(venv)]
        text = render(
            pants_settings(pip, pex, wheels, interpreters),
            (*requires, *(path for path in config_files if path.exists())),
            config_files,
            pants,
        )
        with scratch_folder(cache) as scratch:
            # Readable by the owner alone: an index URL may hold a password.
            descriptor = os.open(scratch / "environment", os.O_WRONLY | os.O_CREAT, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            publish(scratch / "environment", environment_file)


def _find_python39(cache: Path, environment: Mapping[str, str]) -> Path | None:
    try:
        return find_interpreter(9, (), environment, cache).executable
    except PreparationError:
        return None  # scie-pants brings its own; only code that has to run on 3.9 needs ours.


def main(arguments: list[str]) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Prepares the launcher's cache folder.")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--environment-file", type=Path, required=True)
    parser.add_argument("--with-pants", action="store_true")
    options = parser.parse_args(arguments)
    # The modes of the files inside the pex are part of its hash.
    os.umask(0o022)
    signal.signal(signal.SIGTERM, _stop)
    cache = options.cache.absolute()
    try:
        prepare(cache, options.environment_file, options.with_pants, os.environ)
    except PreparationError as error:
        note(str(error))
        return 1
    except KeyboardInterrupt:
        note("interrupted; the next run starts the preparation again")
        return 130
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            note(str(no_space("the preparation", cache)))
        else:
            note(f"the preparation in {cache} failed: {error}.\nCorrect that and run again.")
        return 1
    return 0


def _stop(signal_number: int, frame: FrameType | None) -> None:
    # An exception, so that children end and temporary folders are removed.
    raise SystemExit(128 + signal_number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
