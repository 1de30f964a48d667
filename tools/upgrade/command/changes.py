"""What differs between a lockfile and the one that takes its place."""

from __future__ import annotations

from dataclasses import dataclass

from locks.command.trim import parse_entries


@dataclass(frozen=True)
class UpgradeChange:
    """A package that a lock holds at another version; None where it does not hold it."""

    package: str
    before: str | None
    after: str | None


def lock_changes(before: str, after: str) -> list[UpgradeChange]:
    """Sorted by package. The arguments are the lockfiles' texts; an absent one is empty."""
    old, new = _versions(before), _versions(after)
    return [
        UpgradeChange(package, old.get(package), new.get(package))
        for package in sorted(old.keys() | new.keys())
        if old.get(package) != new.get(package)
    ]


def _versions(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in parse_entries(text):
        marked = f"{entry.version} ; {entry.marker}" if entry.marker else entry.version
        found[entry.name] = f"{found[entry.name]}, {marked}" if entry.name in found else marked
    return found
