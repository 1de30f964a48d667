"""A toolchain is a backend's lockfile and a model family's lockfile together: check that they agree."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pte_build.errors import PteBuildError

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def toolchain_name(resolves: tuple[str, ...]) -> str:
    """The name of the toolchain that is composed of these resolves, e.g. `executorch+torchvision`."""
    return "+".join(resolves)


def pinned_versions(lockfile: str) -> dict[str, str]:
    """Package name to version, of a pip-style lockfile's text."""
    # Names are compared in their normal form (PEP 503).
    return {
        re.sub(r"[-_.]+", "-", name).lower(): version for name, version in _PIN.findall(lockfile)
    }


def check_locks_agree(locks: Mapping[str, str]) -> None:
    """`locks` maps the lockfile's path to its text.

    Raises PteBuildError if two of them pin the same package at different versions.
    """
    seen: dict[str, tuple[str, str]] = {}
    for path, text in locks.items():
        for name, version in pinned_versions(text).items():
            other_path, other_version = seen.setdefault(name, (path, version))
            if other_version != version:
                raise PteBuildError(
                    f"{name} is locked at {other_version} in {other_path} and at {version} in {path}, "
                    "but one toolchain is made of both. Add it to [constraints] in "
                    "3rdparty/python/locks.toml and run `./foundry locks`."
                )
