"""The lock plan: `3rdparty/python/locks.toml`, read and checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomllib

from workspace.errors import ToolError

PLAN_FILE = Path("3rdparty/python/locks.toml")

# PEP 508 marker values of the platforms that the project supports.
PLATFORM_MARKERS: dict[str, dict[str, str]] = {
    "linux-x86_64": {
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
    },
    "linux-arm64": {
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "aarch64",
        "os_name": "posix",
    },
    "macos-arm64": {
        "sys_platform": "darwin",
        "platform_system": "Darwin",
        "platform_machine": "arm64",
        "os_name": "posix",
    },
}


@dataclass(frozen=True)
class PackagePin:
    """A package whose accepted wheels are listed by hand.

    Attributes:
        only_on: platform to patterns of package names: dependencies of that platform's wheel that the other wheels
            do not have. A resolver reads the metadata of one wheel, and takes all wheels to be like it.
    """

    version: str
    sha256: tuple[str, ...]
    only_on: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Lock:
    name: str
    about: str
    python: tuple[str, ...]
    requirements: tuple[str, ...]
    drop: tuple[str, ...]

    @property
    def file(self) -> str:
        """The lockfile's name inside the plan's folder."""
        return f"{self.name}.lock"


@dataclass(frozen=True)
class Plan:
    platforms: tuple[str, ...]
    pins: dict[str, PackagePin]
    constraints: dict[str, str]
    locks: tuple[Lock, ...]

    def environments(self, lock: Lock) -> tuple[dict[str, str], ...]:
        """The marker environments that `lock` must install in."""
        return tuple(
            {
                **PLATFORM_MARKERS[platform],
                "python_version": python,
                "python_full_version": f"{python}.7",
                "implementation_name": "cpython",
                "implementation_version": f"{python}.7",
                "platform_python_implementation": "CPython",
                "platform_release": "",
                "platform_version": "",
            }
            for python in lock.python
            for platform in self.platforms
        )


def read_plan(path: Path) -> Plan:
    """Read the plan. Raises ToolError for a missing file, bad TOML, or an unknown or ill-typed entry."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ToolError(f"{path}: no such file; the repository is not complete") from None
    except tomllib.TOMLDecodeError as error:
        raise ToolError(f"{path}: not valid TOML: {error}") from None
    unknown = sorted(set(table.get("platforms", ())) - set(PLATFORM_MARKERS))
    if unknown:
        raise ToolError(
            f"{path}: platforms: unknown {unknown}; known are {sorted(PLATFORM_MARKERS)}"
        )
    return Plan(
        platforms=tuple(table["platforms"]),
        pins={
            name: _pin(path, name, entry) for name, entry in sorted(table.get("pins", {}).items())
        },
        constraints=dict(sorted(table.get("constraints", {}).items())),
        locks=tuple(_lock(path, name, entry) for name, entry in table["locks"].items()),
    )


def _pin(path: Path, name: str, entry: dict[str, Any]) -> PackagePin:
    only_on = entry.get("only_on", {})
    if unknown := sorted(set(only_on) - set(PLATFORM_MARKERS)):
        raise ToolError(
            f"{path}: [pins.{name}.only_on]: unknown platforms {unknown}; known are {sorted(PLATFORM_MARKERS)}"
        )
    return PackagePin(
        entry["version"],
        tuple(entry["sha256"]),
        {platform: tuple(patterns) for platform, patterns in sorted(only_on.items())},
    )


def _lock(path: Path, name: str, entry: dict[str, Any]) -> Lock:
    allowed = {"about", "python", "requirements", "drop"}
    if unknown := sorted(set(entry) - allowed):
        raise ToolError(
            f"{path}: [locks.{name}]: unknown keys {unknown}; known are {sorted(allowed)}"
        )
    for required in ("about", "python", "requirements"):
        if required not in entry:
            raise ToolError(f"{path}: [locks.{name}]: `{required}` is missing")
    return Lock(
        name=name,
        about=entry["about"],
        python=tuple(entry["python"]),
        requirements=tuple(entry["requirements"]),
        drop=tuple(entry.get("drop", ())),
    )
