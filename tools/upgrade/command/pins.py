"""Change pinned versions in the text of `locks.toml`; comments and order stay."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import tomlkit
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from locks.command.plan import Lock
from workspace.errors import ToolError

NEXT = "_next"
"""The end of the name of a lock that holds the next version beside the present one."""


_STAYS = re.compile(r"_[0-9]+(_[0-9]+)*$", re.ASCII)
"""The end of the name of a lock that stays at its version, such as `executorch_1_4`."""


def locks_to_change(locks: Sequence[Lock], package: str, beside: bool) -> tuple[Lock, ...]:
    """The locks that pin `package`: of the next version if `beside`, else those of the present one.

    Raises ToolError if there is none.
    """
    found = tuple(
        lock
        for lock in locks
        if lock.name.endswith(NEXT) == beside
        and _STAYS.search(lock.name) is None
        and pinned_version(lock, package) is not None
    )
    if not found:
        kind = f"whose name ends in {NEXT}" if beside else "of the present version"
        raise ToolError(f"no lock {kind} pins {package}")
    return found


def pinned_version(lock: Lock, package: str) -> str | None:
    """The version that the lock's own requirements pin the package at; None if they do not."""
    for text in lock.requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise ToolError(f"[locks.{lock.name}]: {text!r} is no requirement: {error}") from None
        pins = [each.version for each in requirement.specifier if each.operator == "=="]
        if canonicalize_name(requirement.name) == canonicalize_name(package) and pins:
            return pins[0]
    return None


def check_version(package: str, version: str) -> None:
    """Raises ToolError for what is no version, and for torch, whose wheels are pinned by hand."""
    try:
        Version(version)
    except InvalidVersion:
        raise ToolError(f"{package}: {version!r} is no version like 1.4.1") from None
    if canonicalize_name(package) == "torch":
        raise ToolError(
            "torch cannot be changed by this command: its wheels are pinned by hand, in [pins.torch] of "
            "3rdparty/python/locks.toml and in tools/bootstrap/pins.py (docs/upgrading.md)"
        )


def with_pins(text: str, locks: Sequence[Lock], versions: Mapping[str, str]) -> str:
    """The text of locks.toml with other versions in the tables of these locks.

    A package of `versions` that a lock does not pin stays out of it.
    """
    document = tomlkit.parse(text)
    for lock in locks:
        requirements = document["locks"][lock.name]["requirements"]
        for number, requirement in enumerate(lock.requirements):
            for package, version in versions.items():
                present = pinned_version(replace(lock, requirements=(requirement,)), package)
                if present is not None and present != version:
                    pin = re.compile(rf"(==\s*){re.escape(present)}(?![\w.])")
                    requirements[number] = pin.sub(rf"\g<1>{version}", requirement, count=1)
    return tomlkit.dumps(document)
