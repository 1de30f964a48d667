"""What the launcher (tools/bootstrap) finds on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from interpreters import find_interpreter
from messages import PreparationError
from pins import platform_pins
from pip_settings import read_pip_settings


@dataclass(frozen=True)
class PackageSources:
    """URLs of indexes and of folders of wheels, as pip is configured."""

    indexes: tuple[str, ...]
    find_links: tuple[str, ...]


def find_executable(minor: int, modules: tuple[str, ...], environment: Mapping[str, str]) -> Path:
    """The CPython 3.<minor> that the launcher takes. Raises ValueError that says how to get one."""
    try:
        return find_interpreter(minor, modules, environment).executable
    except PreparationError as error:
        raise ValueError(str(error)) from error


def package_sources(python311: Path, environment: Mapping[str, str]) -> PackageSources:
    """What pip of this interpreter is configured with. Raises ValueError if pip fails."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            settings, _ = read_pip_settings(python311, Path(scratch), environment)
        except PreparationError as error:
            raise ValueError(str(error)) from error
    return PackageSources(settings.indexes, settings.find_links)


def torch_wheel(cache: Path) -> tuple[Path | None, int]:
    """Where the launcher keeps torch's wheel, and its size; None where the index has it.

    Raises ValueError on a platform that nothing is pinned for.
    """
    try:
        wheel = platform_pins().torch_wheel
    except PreparationError as error:
        raise ValueError(str(error)) from error
    return (None, 0) if wheel is None else (cache / "wheels" / wheel.file_name, wheel.size)
