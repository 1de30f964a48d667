"""Change pinned versions in the text of `locks.toml`; comments and order stay."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from locks.command.plan import Lock, PlanError

NEXT = "_next"
"""The end of the name of a lock that holds the next version beside the present one."""

_ENTRY = re.compile(r"^requirements *=", re.MULTILINE)
_KEY_OR_TABLE = re.compile(r"^(\w+ *=|\[)", re.MULTILINE)


def locks_to_change(locks: Sequence[Lock], package: str, beside: bool) -> tuple[Lock, ...]:
    """The locks that pin `package`: of the next version if `beside`, else those of the present one.

    Raises PlanError if there is none.
    """
    found = tuple(
        lock
        for lock in locks
        if lock.name.endswith(NEXT) == beside and pinned_version(lock, package) is not None
    )
    if not found:
        kind = f"whose name ends in {NEXT}" if beside else "of the present version"
        raise PlanError(f"no lock {kind} pins {package}")
    return found


def pinned_version(lock: Lock, package: str) -> str | None:
    """The version that the lock's own requirements pin the package at; None if they do not."""
    for text in lock.requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise PlanError(f"[locks.{lock.name}]: {text!r} is no requirement: {error}") from None
        pins = [each.version for each in requirement.specifier if each.operator == "=="]
        if canonicalize_name(requirement.name) == canonicalize_name(package) and pins:
            return pins[0]
    return None


def check_version(package: str, version: str) -> None:
    """Raises PlanError for what is no version, and for torch, whose wheels are pinned by hand."""
    try:
        Version(version)
    except InvalidVersion:
        raise PlanError(f"{package}: {version!r} is no version like 1.4.1") from None
    if canonicalize_name(package) == "torch":
        raise PlanError(
            "torch cannot be changed by this tool: its wheels are pinned by hand, in [pins.torch] of "
            "3rdparty/python/locks.toml and in tools/bootstrap/pins.py (docs/upgrading.md)"
        )


def with_pins(text: str, locks: Sequence[Lock], versions: Mapping[str, str]) -> str:
    """The text of locks.toml with other versions in the tables of these locks.

    A package of `versions` that a lock does not pin stays out of it.

    Raises PlanError if a pin does not stand in the text as it was read.
    """
    for lock in locks:
        for package, version in versions.items():
            present = pinned_version(lock, package)
            if present is not None and present != version:
                text = _replace(text, lock, package, present, version)
    return text


def _replace(text: str, lock: Lock, package: str, present: str, version: str) -> str:
    start, end = _requirements(text, lock)
    pin = re.compile(rf'("{re.escape(package)}(?:\[[^\]]*\])?==){re.escape(present)}(?=["; ])')
    changed, count = pin.subn(lambda match: match[1] + version, text[start:end])
    if count != 1:
        raise PlanError(
            f"[locks.{lock.name}]: {package}=={present} stands {count} times in its requirements, expected "
            "once. Change it by hand, then run `./pants run tools/locks`"
        )
    return text[:start] + changed + text[end:]


def _requirements(text: str, lock: Lock) -> tuple[int, int]:
    """Where the entry `requirements` of the lock's table begins and ends; nowhere if it is written otherwise."""
    table = re.search(rf"^\[locks\.{re.escape(lock.name)}\]$", text, re.MULTILINE)
    entry = _ENTRY.search(text, table.end()) if table else None
    if entry is None:
        return 0, 0
    after = _KEY_OR_TABLE.search(text, entry.end())
    return entry.start(), after.start() if after else len(text)
