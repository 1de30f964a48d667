"""Compile the packages that sources import (standard library only).

This module runs in the Python of a toolchain's environment, right after that was created. Processes that run there
later cannot write to it, but find the bytecode of what they import. Nothing else is compiled: torch and ExecuTorch have
thousands of modules that no export needs. Nothing is imported: the text of the sources says what they import, and so on
from file to file. Bytecode is kept by the content of its source: toolchains that share packages compile them once.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import py_compile
import re
import secrets
import shutil
import sys
import sysconfig
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<package>[.\w]+)[ \t]+import[ \t]*"
    r"(?P<names>\([^)]*\)|(?:\\\n|[^\n;])*)"
    r"|import[ \t]+(?P<modules>(?:\\\n|[^\n;])+))",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#[^\n]*")
_NAME = re.compile(r"[.\w]+")
_FILES_AT_ONCE = 32
_SECONDS_BETWEEN_LOOKS = 0.5
# Below the folder of the environments.
_STORE = "pte_bytecode"
# The beginning of bytecode whose source is checked by its hash (PEP 552).
_HEADER = importlib.util.MAGIC_NUMBER + (0b11).to_bytes(4, "little")


def main(arguments: list[str]) -> int:
    """Prepare the environment of this Python.

    Args:
        arguments: the folder of the sources, and the folder of all environments.

    Returns:
        0. A file that cannot be compiled is left without bytecode.

    Raises:
        OSError: bytecode cannot be written.
    """
    source_root, environments = arguments
    # Not $PEX_ROOT, which an environment that exists already takes out of its own variables.
    store = Path(environments).absolute() / _STORE
    prepare(Path(sysconfig.get_path("purelib")), Path(source_root), store)
    return 0


def prepare(packages: Path, source_root: Path, store: Path) -> list[str]:
    """Give what the sources import its bytecode, unless that is done already. Two concurrent processes do it once.

    Args:
        packages: the folder `site-packages` of an environment.
        source_root: the folder of the sources.
        store: the folder of the bytecode of all environments.

    Returns:
        The paths of the files that got bytecode now, below `packages`.
    """
    names = imported_by_sources(source_root)
    key = hashlib.sha256("\n".join((_own_digest(), *sorted(names))).encode()).hexdigest()
    done = packages / f".bytecode-{key[:16]}"
    if done.exists():
        return []
    with open(packages / ".bytecode-lock", "w", encoding="utf-8") as lock:
        # The kernel releases it when the process ends, however that happens.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return []
        compiled = compile_files(packages, closure(packages, names), store)
        done.touch()
    return compiled


def imported_by_sources(source_root: Path) -> set[str]:
    """Dotted names of all modules, and of what may be modules, that the sources import; tests are left out."""
    names: set[str] = set()
    for source in sorted(source_root.rglob("*.py")):
        if not source.name.endswith("_test.py"):
            names.update(imported_names(source.read_text("utf-8", errors="replace"), ""))
    return names


def closure(packages: Path, names: Iterable[str]) -> list[str]:
    """The files below `packages` that importing `names` may read, sorted.

    That is, with the packages on the way to them, and with what all of these import, at once or later.
    """
    seen: set[str] = set()
    files: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        parent = name.rpartition(".")[0]
        if parent:
            waiting.add(parent)
        file, package = _file_of(packages, name)
        if file is None or file in files:
            continue
        files.add(file)
        text = (packages / file).read_text("utf-8", errors="replace")
        waiting.update(set(imported_names(text, package)) - seen)
    return sorted(files)


def imported_names(text: str, package: str) -> Iterator[str]:
    """What the import statements of a file of `package` name, absolute; of `from a import b` both `a` and `a.b`.

    Strings that look like statements count too: one more file is compiled.
    """
    for statement in _IMPORT.finditer(text):
        origin, names, modules = statement.group("package", "names", "modules")
        if modules is not None:
            for module in _COMMENT.sub("", modules).split(","):
                yield from _NAME.findall(module)[:1]
            continue
        if origin.startswith("."):
            try:
                origin = importlib.util.resolve_name(origin, package)
            except ImportError:  # Above the topmost package.
                continue
        yield origin
        for name in _COMMENT.sub("", names).split(","):
            yield from (f"{origin}.{found}" for found in _NAME.findall(name)[:1])


def compile_files(packages: Path, files: Iterable[str], store: Path) -> list[str]:
    """Compile those without bytecode of this kind, or take it from the store, in one process per CPU; returns them."""
    missing = [file for file in files if not _has_bytecode(packages / file)]
    if not missing:
        return []
    store.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(_cpus(), initializer=_follow, initargs=(os.getpid(),)) as pool:
        compiled = pool.map(partial(_provide, packages, store), missing, chunksize=_FILES_AT_ONCE)
        return [file for file, ok in zip(missing, compiled) if ok]


def _follow(parent: int) -> None:
    """End this worker when its parent has ended, which may be killed.

    It would wait for work for ever, and keep the parent's lock, which it has inherited.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _has_bytecode(source: Path) -> bool:
    try:
        with open(importlib.util.cache_from_source(str(source)), "rb") as file:
            return file.read(len(_HEADER)) == _HEADER
    except FileNotFoundError:
        return False


def _provide(packages: Path, store: Path, file: str) -> bool:
    """Link the bytecode of this source from the store, or compile it and link it there."""
    source = packages / file
    # Bytecode is a function of these: see `dfile` below.
    key = hashlib.sha256(_HEADER + file.encode() + b"\0" + source.read_bytes()).hexdigest()
    kept, bytecode = store / f"{key}.pyc", Path(importlib.util.cache_from_source(str(source)))
    if kept.exists():
        bytecode.parent.mkdir(exist_ok=True)
        _link(kept, bytecode)
        return True
    compiled = _compile(packages, file)
    if compiled:
        _link(bytecode, kept)
    return compiled


def _link(existing: Path, name: Path) -> None:
    """Give a file another name, whatever has that name; copy it where file systems cannot link."""
    # Processes with equal numbers may share a store: sandboxes count their own.
    temporary = name.with_name(f"{name.name}.{secrets.token_hex(8)}")
    try:
        os.link(existing, temporary)
    except OSError:
        shutil.copyfile(existing, temporary)
    os.replace(temporary, name)


def _compile(packages: Path, file: str) -> bool:
    """Write the bytecode under another name, then rename it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            py_compile.compile(
                str(packages / file),
                # The path in the bytecode: the same on every machine. An import replaces it with the real path.
                dfile=file,
                doraise=True,
                # By the source's hash, not its time, which is when the package was unpacked. Checking the hashes of all
                # that an export imports takes 0.1 s, and whoever edits a file while debugging needs it.
                invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
            )
        except (py_compile.PyCompileError, ValueError, RecursionError):
            # Not Python of this version: a template, or a test of a parser.
            return False
    return True


def _file_of(packages: Path, name: str) -> tuple[str | None, str]:
    """The file of a module below `packages`, if it has one, and the package that relative imports there start from."""
    if not all(part.isidentifier() for part in name.split(".")):
        return None, ""
    path = name.replace(".", "/")
    if (packages / path / "__init__.py").is_file():
        return f"{path}/__init__.py", name
    if (packages / f"{path}.py").is_file():
        return f"{path}.py", name.rpartition(".")[0]
    return None, ""


def _own_digest() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def _cpus() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
