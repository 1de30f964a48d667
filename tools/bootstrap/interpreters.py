"""Find CPython interpreters, whatever PATH is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from messages import PreparationError

# Behind a pyenv shim, `sys.executable` is the interpreter itself, which works whatever is activated.
_PROBE = """
import importlib.util, json, platform, sys
print(json.dumps({
    "implementation": platform.python_implementation(),
    "version": list(sys.version_info[:2]),
    "executable": sys.executable,
    "modules": [name for name in sys.argv[1:] if importlib.util.find_spec(name)],
}))
"""
_PROBE_SECONDS = 60

MANAGED = "python"
"""The folder in the cache that `fetch_python.sh` installs into."""


@dataclass(frozen=True)
class Interpreter:
    """A CPython that was found.

    Attributes:
        executable: absolute path, not a pyenv shim.
        modules: the requested modules that it can import.
    """

    executable: Path
    modules: tuple[str, ...]


def find_interpreter(
    minor: int, modules: tuple[str, ...], environment: Mapping[str, str], cache: Path
) -> Interpreter:
    """The first CPython 3.<minor> that has `modules`.

    Searched in this order: PTE_PYTHON3<minor> (then nothing else), `python3.<minor>` in every folder of
    PATH, pyenv's versions (newest first), `uv python find`, what the launcher has installed in `cache`.

    Raises:
        PreparationError: none was found; the text says how to get one.
    """
    variable = f"PTE_PYTHON3{minor}"
    chosen = environment.get(variable)
    if chosen:
        found = probe(chosen, minor, modules, environment)
        if found is None:
            raise PreparationError(
                f"{variable}={chosen} is not a CPython 3.{minor} that runs.\n"
                f"Set it to the path of a CPython 3.{minor}, or unset it."
            )
        _require_modules(found, minor, modules)
        return found
    incomplete: Interpreter | None = None
    for candidate in _candidates(minor, environment, cache):
        found = probe(candidate, minor, modules, environment)
        if found is not None and set(found.modules) >= set(modules):
            return found
        incomplete = incomplete or found
    if incomplete is not None:
        _require_modules(incomplete, minor, modules)
    raise PreparationError(
        f"no CPython 3.{minor} found (on PATH, in pyenv's versions, by uv, or in {cache / MANAGED}).\n"
        f"Install one: `pyenv install 3.{minor}`, `uv python install 3.{minor}`, or your"
        f" distribution's python3.{minor} and python3.{minor}-venv packages;"
        f" or set {variable} to its path."
    )


def probe(
    candidate: str, minor: int, modules: tuple[str, ...], environment: Mapping[str, str]
) -> Interpreter | None:
    """`candidate` as an Interpreter; None unless it is a CPython 3.<minor> that runs."""
    try:
        answer = subprocess.run(
            [candidate, "-Es", "-c", _PROBE, *modules],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=True,
        ).stdout
        facts = json.loads(answer)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    if facts["implementation"] != "CPython" or facts["version"] != [3, minor]:
        return None
    return Interpreter(Path(os.path.abspath(facts["executable"])), tuple(facts["modules"]))


def _require_modules(found: Interpreter, minor: int, modules: tuple[str, ...]) -> None:
    missing = [name for name in modules if name not in found.modules]
    if missing:
        raise PreparationError(
            f"{found.executable} has no module {', '.join(missing)}.\n"
            f"On Debian and Ubuntu: `apt install python3-pip python3.{minor}-venv`; elsewhere"
            f" `python3.{minor} -m ensurepip`; or set PTE_PYTHON3{minor} to another CPython 3.{minor}."
        )


def _candidates(minor: int, environment: Mapping[str, str], cache: Path) -> Iterator[str]:
    name = f"python3.{minor}"
    for folder in environment.get("PATH", os.defpath).split(os.pathsep):
        if folder and os.access(os.path.join(folder, name), os.X_OK):
            yield os.path.join(folder, name)
    home = Path(environment.get("HOME", "/nonexistent"))
    roots = dict.fromkeys([Path(environment.get("PYENV_ROOT") or home / ".pyenv"), home / ".pyenv"])
    for root in roots:
        found = list(root.glob(f"versions/3.{minor}.*/bin/{name}"))
        yield from _newest_first(found)
    uv = shutil.which("uv", path=environment.get("PATH", os.defpath))
    if uv is not None:
        answer = subprocess.run(
            [uv, "python", "find", "--system", "--no-python-downloads", f"3.{minor}"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode == 0:
            yield answer.stdout.strip()
    yield from _newest_first(cache.glob(f"{MANAGED}/cpython-3.{minor}.*/bin/{name}"))


def _newest_first(found: Iterable[Path]) -> list[str]:
    return [str(path) for path in sorted(found, key=_patch_version, reverse=True)]


def _patch_version(path: Path) -> int:
    """Of a folder such as `3.11.7` or `cpython-3.11.7-linux-x86_64-gnu`."""
    patch = path.parent.parent.name.split(".")[2].partition("-")[0]
    return int(patch) if patch.isdigit() else -1
