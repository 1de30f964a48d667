"""What one check says about one thing of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class State(str, Enum):
    """ok: as it should be. limited: some of the work, or slower. missing: what needs it cannot be done."""

    ok = "ok"
    limited = "limited"
    missing = "missing"


@dataclass(frozen=True)
class Finding:
    """Attributes:
    subject: the thing, e.g. `CPython 3.11`.
    found: what was found, e.g. its path or why it is not there.
    remedy: what to do; empty if nothing has to be done.
    needed: whether the seeded matrix cannot be built if it is missing.
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
