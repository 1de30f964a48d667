"""What the launcher (tools/bootstrap) finds on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from interpreters import find_interpreter
from messages import PreparationError
from pins import platform_pins
from pip_settings import PipSettings, read_pip_settings


@contextmanager
def _as_value_error() -> Iterator[None]:
    try:
        yield
    except PreparationError as error:
        raise ValueError(str(error)) from error


def find_executable(minor: int, modules: tuple[str, ...], environment: Mapping[str, str]) -> Path:
    """The CPython 3.<minor> that the launcher takes. Raises ValueError that says how to get one."""
    with _as_value_error():
        return find_interpreter(minor, modules, environment).executable


def package_sources(python311: Path, environment: Mapping[str, str]) -> PipSettings:
    """The configuration of this interpreter's pip. Raises ValueError if pip fails."""
    with tempfile.TemporaryDirectory() as scratch, _as_value_error():
        return read_pip_settings(python311, Path(scratch), environment)[0]


def torch_wheel(cache: Path) -> tuple[Path | None, int]:
    """The launcher's file of torch's wheel, and its size; None if the index has the CPU build.

    Raises ValueError on a platform without pins.
    """
    with _as_value_error():
        wheel = platform_pins().torch_wheel
    return (None, 0) if wheel is None else (cache / "wheels" / wheel.file_name, wheel.size)
