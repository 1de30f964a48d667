"""Keep the bytecode of an environment's modules, so that not every process compiles them anew (standard library only).

The environment of a toolchain is made without bytecode, and an export or a validation, once it is confined, cannot
write there: each would compile the same 2,500 modules of torch and ExecuTorch, which takes longer than to run them.
So a child that is not confined outlives the work. It is told which modules were imported, and compiles those that
have no bytecode yet. It runs none of them.
"""

from __future__ import annotations

import importlib.util
import os
import py_compile
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_END = b"\0"


@contextmanager
def kept_bytecode(environment: Path = Path(sys.prefix)) -> Iterator[None]:
    """Compile what the block has imported from `environment`, when the block ends.

    To be entered before the process is confined or starts threads. Nothing depends on its success: a module that
    cannot be compiled, or a folder that cannot be written, is left as it is.
    """
    if sys.prefix == sys.base_prefix:
        # Not an environment of our making: its owner decides whether it has bytecode.
        yield
        return
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        try:
            compile_modules(_told(reading), environment)
        finally:
            os._exit(0)
    os.close(reading)
    try:
        yield
    finally:
        with os.fdopen(writing, "wb") as pipe:
            pipe.writelines(os.fsencode(path) + _END for path in _without_bytecode())
        os.waitpid(child, 0)


def compile_modules(sources: Iterable[Path], environment: Path) -> list[Path]:
    """Compile those `sources` that lie in `environment`; whoever names them may be wrong about that.

    Returns:
        The bytecode files that were written, in the order of the sources.
    """
    packages = environment.resolve()
    written = []
    for source in sources:
        if source.suffix == ".py" and source.resolve().is_relative_to(packages):
            try:
                # Written under another name and renamed.
                path = py_compile.compile(str(source), doraise=True, quiet=2)
            except (OSError, py_compile.PyCompileError):
                continue
            if path is not None:
                written.append(Path(path))
    return written


def _without_bytecode() -> list[str]:
    """The source files of the modules that this process had to compile."""
    paths = []
    for module in list(sys.modules.values()):
        spec = getattr(module, "__spec__", None)
        source = getattr(spec, "origin", None)
        if not isinstance(source, str) or not source.endswith(".py"):
            continue
        if not os.path.exists(importlib.util.cache_from_source(source)):
            paths.append(source)
    return paths


def _told(reading: int) -> list[Path]:
    """What came through the pipe until its other end was closed; a last path that was cut off is none."""
    with os.fdopen(reading, "rb") as pipe:
        *paths, _ = pipe.read().split(_END)
    return [Path(os.fsdecode(path)) for path in paths]
