"""The interpreters, as the launcher looks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from doctor.checks.finding import Finding, State

Find = Callable[[int, tuple[str, ...], Mapping[str, str]], Path]
"""minor version, modules, environment -> executable. Raises ValueError that says how to get one."""

# What tools/bootstrap/prepare.py asks for.
_WANTED = ((9, ("venv", "ensurepip"), "runs Pants"), (11, ("pip",), "runs the exports"))


def check_interpreters(find: Find, environment: Mapping[str, str]) -> list[Finding]:
    """One finding for CPython 3.9, one for 3.11."""
    findings = []
    for minor, modules, role in _WANTED:
        subject = f"CPython 3.{minor} ({role})"
        try:
            executable = find(minor, modules, environment)
        except ValueError as error:
            why, _, remedy = str(error).partition("\n")
            findings.append(Finding(subject, State.missing, why, remedy, needed=True))
        else:
            findings.append(Finding(subject, State.ok, str(executable), needed=True))
    return findings
