"""The result of a check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

FIRST_PROGRAM = (
    "./pants --weights-source=seeded package models/mobilenet:mobilenet_v3_small_xnnpack"
)
"""What to type on a machine that is well."""


class State(str, Enum):
    """limited: works in part, slowly, or after a download. missing: whatever needs it fails."""

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
    command: what to type first if it is missing; empty if only `remedy` can say.
    """

    subject: str
    state: State
    found: str
    remedy: str = ""
    needed: bool = False
    command: str = ""


def can_build(findings: Sequence[Finding]) -> bool:
    """Whether nothing that the seeded matrix needs is missing."""
    return not _in_the_way(findings)


def verdict(findings: Sequence[Finding]) -> str:
    """One sentence on what this machine can build."""
    names = ", ".join(dict.fromkeys(each.subject for each in _in_the_way(findings)))
    if names:
        return f"This machine cannot build yet. Missing: {names}."
    return "This machine can build every program from seeded weights."


def next_command(findings: Sequence[Finding]) -> str:
    """What to type now: it leads to the first program, or mends the first thing that is in the way."""
    commands = [each.command for each in _in_the_way(findings) if each.command]
    return next(iter(commands), FIRST_PROGRAM if can_build(findings) else "./foundry doctor")


def gigabytes(size: int) -> str:
    """Bytes as GB of 10^9 bytes, e.g. `3.2 GB`."""
    return f"{size / 1e9:.1f} GB"


def _in_the_way(findings: Sequence[Finding]) -> list[Finding]:
    return [each for each in findings if each.needed and each.state == State.missing]
