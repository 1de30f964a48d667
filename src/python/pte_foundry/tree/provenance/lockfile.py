"""The packages that a lockfile pins."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Package:
    """A distribution: its normalised name (PEP 503) and its version."""

    name: str
    version: str


def locked_packages(text: str) -> tuple[Package, ...]:
    """Sorted; a package that differs between platforms is there once a version."""
    found = {Package(re.sub(r"[-_.]+", "-", name).lower(), pin) for name, pin in _PIN.findall(text)}
    return tuple(sorted(found))
