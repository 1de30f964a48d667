"""The result of a check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class State(str, Enum):
    """limited: works in part, or slowly. missing: whatever needs it fails."""

    ok = "ok"
    limited = "limited"
    missing = "missing"


@dataclass(frozen=True)
class Finding:
    """Attributes:
    subject: what was checked, e.g. `CPython 3.11`.
    found: e.g. its path, or why it is missing.
    remedy: what to do; empty if nothing.
    needed: whether the seeded matrix cannot be built without it.
    """

    subject: str
    state: State
    found: str
    remedy: str = ""
    needed: bool = False


def can_build(findings: Sequence[Finding]) -> bool:
    """Whether nothing that the seeded matrix needs is missing."""
    return not any(each.needed and each.state == State.missing for each in findings)


def gigabytes(size: int) -> str:
    """Bytes as GB of 10^9 bytes, e.g. `3.2 GB`."""
    return f"{size / 1e9:.1f} GB"
