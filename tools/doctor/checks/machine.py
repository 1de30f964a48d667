"""Checks of what every build needs: interpreters, packages, memory and disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from doctor.checks.finding import Finding, State, gigabytes

Find = Callable[[int, tuple[str, ...], Mapping[str, str]], Path]
"""minor version, modules, environment -> executable. Raises ValueError that says how to get one."""

Answers = Callable[[str], str]
"""URL -> empty if something answers there, else why not."""

EXPORT_MEMORY = 3_000_000_000
"""Bytes for an export with its toolchain; up to 2 GB were measured for a program of `models/`."""

DISK_NEEDED = 5_000_000_000
"""Bytes for one toolchain with its virtual environment, and the sandboxes and results of the exports."""

DISK_COMFORTABLE = 20_000_000_000
"""Bytes for all toolchains, all programs and the tests' clones."""

# What tools/bootstrap/prepare.py asks for.
_WANTED = ((9, ("venv", "ensurepip"), "runs Pants"), (11, ("pip",), "runs the exports"))
_SOURCES_REMEDY = (
    "Correct `index-url` or `find-links` in `pip config debug`, the proxy or the certificates"
)


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


def check_package_sources(
    indexes: Sequence[str], find_links: Sequence[str], answers: Answers
) -> list[Finding]:
    """One finding for each source; none of them is needed if another one answers."""
    why_not = {url: answers(url) for url in (*indexes, *find_links)}
    usable = any(not why for why in why_not.values())
    findings = [
        Finding(
            f"packages from {without_password(url)}",
            State.missing if why else State.ok,
            why or "answers",
            _SOURCES_REMEDY if why else "",
            needed=not usable,
        )
        for url, why in why_not.items()
    ]
    if not findings:
        findings.append(
            Finding("packages", State.missing, "no source is set", _SOURCES_REMEDY, True)
        )
    return findings


def check_torch_wheel(wheel: Path | None, size: int) -> Finding:
    """The CPU build of torch, which the launcher fetches once.

    wheel: its file, `size` bytes; None if the package index has the CPU build.
    """
    subject = "torch's CPU wheel"
    if wheel is None:
        return Finding(subject, State.ok, "comes from the package index here")
    if wheel.is_file() and wheel.stat().st_size == size:
        return Finding(subject, State.ok, str(wheel))
    return Finding(
        subject,
        State.limited,
        f"{wheel} is not there yet",
        "The next `./pants` fetches it with pip; without access to PyTorch's host, put the wheel into "
        "a folder and name it in pip's `find-links`",
    )


def without_password(url: str) -> str:
    """The URL without user and password."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"


def check_memory(available: int, parallel: int) -> Finding:
    """Check the bytes that a new process can have for `parallel` processes of Pants at once."""
    found = f"{gigabytes(available)} available, {parallel} processes at once"
    if available < EXPORT_MEMORY:
        remedy = (
            f"An export takes up to {gigabytes(EXPORT_MEMORY)}: end other programs, or add swap"
        )
        return Finding("memory", State.missing, found, remedy, needed=True)
    if available < EXPORT_MEMORY * parallel:
        fitting = available // EXPORT_MEMORY
        remedy = f"--process-execution-local-parallelism={fitting} keeps exports from swapping"
        return Finding("memory", State.limited, found, remedy, needed=True)
    return Finding("memory", State.ok, found, needed=True)


def check_disk(folder: Path, free: int) -> Finding:
    """Check the free bytes on the disk of `folder`, where Pants keeps its caches."""
    found = f"{gigabytes(free)} free for {folder}"
    remedy = "`./foundry doctor --disk` shows what the caches take"
    if free < DISK_NEEDED:
        return Finding("disk", State.missing, found, remedy, needed=True)
    if free < DISK_COMFORTABLE:
        return Finding("disk", State.limited, found, remedy, needed=True)
    return Finding("disk", State.ok, found, needed=True)
