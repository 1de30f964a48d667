"""What the launcher (tools/bootstrap) finds on this machine, and what it would fetch."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from interpreters import find_interpreter
from messages import PreparationError
from pins import TORCH_CPU_INDEX, Wheel, platform_pins

_PREFIX = "https://github.com/astral-sh/python-build-standalone/releases/download"
# uv asks it before GitHub.
_FIRST_MIRROR = "https://releases.astral.sh/github/python-build-standalone/releases/download"

TORCH_PAGE = f"{TORCH_CPU_INDEX}/torch/"
"""PyTorch's own index, which the launcher adds to pip's sources."""


@contextmanager
def _as_value_error() -> Iterator[None]:
    try:
        yield
    except PreparationError as error:
        raise ValueError(str(error)) from error


def launcher_cache(environment: Mapping[str, str]) -> Path:
    """The launcher's cache folder, as `.pants.bootstrap` names it."""
    home = Path(environment.get("HOME") or "~").expanduser()
    caches = Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    return Path(environment.get("PTE_FOUNDRY_CACHE") or caches / "pte-foundry").absolute()


def find_executable(
    minor: int, modules: tuple[str, ...], environment: Mapping[str, str], cache: Path
) -> Path:
    """The CPython 3.<minor> that the launcher takes. Raises ValueError that says how to get one."""
    with _as_value_error():
        return find_interpreter(minor, modules, environment, cache).executable


def build_addresses(root: Path, minor: int, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Where the launcher's uv would look for a build of CPython 3.<minor>, in this order.

    Of all pinned platforms the first: hosts, not files, are what is asked for.
    """
    pins = root / "tools" / "bootstrap" / "python-builds.json"
    builds = json.loads(pins.read_text(encoding="utf-8")).values()
    url = next(str(build["url"]) for build in builds if build["minor"] == minor)
    mirror = environment.get("UV_PYTHON_INSTALL_MIRROR")
    sources = (mirror.rstrip("/"),) if mirror else (_FIRST_MIRROR, _PREFIX)
    return tuple(source + url[len(_PREFIX) :] for source in sources)


def torch_wheel() -> Wheel | None:
    """The wheel that the launcher fetches; None if the package index has the CPU build.

    Raises ValueError on a platform without pins.
    """
    with _as_value_error():
        return platform_pins().torch_wheel


def has_file(folder: Path, wheel: Wheel) -> bool:
    """Whether the wheel is there, to judge by its size."""
    try:
        return os.stat(folder / wheel.file_name).st_size == wheel.size
    except OSError:
        return False
