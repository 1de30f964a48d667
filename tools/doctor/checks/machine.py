"""Checks of what every build needs: interpreters, packages, memory and disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from doctor.checks.finding import Finding, State, gigabytes

EXPORT_MEMORY = 3_000_000_000
"""Bytes for an export with its toolchain; up to 2 GB were measured for a program of `models/`."""

DISK_NEEDED = 5_000_000_000
"""Bytes for one toolchain with its virtual environment, and the sandboxes and results of the exports."""

DISK_COMFORTABLE = 20_000_000_000
"""Bytes for all toolchains, all programs and the tests' clones."""

BUILD_SIZE = 30_000_000
"""About the bytes of an archive of CPython."""

_SOURCES_REMEDY = (
    "Correct index-url or find-links in `pip config debug`, the proxy or the certificates"
)


def check_interpreter(
    minor: int,
    role: str,
    find: Callable[[], str | None],
    addresses: Sequence[str],
    why_not: Callable[[str], str],
) -> Finding:
    """The CPython 3.<minor> that is there, or what the launcher would fetch.

    Args:
        role: what it is for.
        find: gives its path, or None if that takes too long; ValueError says that there is none.
        addresses: of a build, for a machine that has none; one that answers will do.
        why_not: empty for an address that answers, else the reason.
    """
    subject = f"CPython 3.{minor}"
    try:
        path = find()
    except ValueError as error:
        missing = str(error).partition("\n")[0]
    else:
        if path is not None:
            return Finding(subject, State.ok, path, needed=True)
        return Finding(
            subject,
            State.limited,
            "the interpreters of this machine are slow to answer",
            needed=True,
        )
    reasons = {url: why_not(url) for url in addresses}
    if not all(reasons.values()):
        return Finding(
            subject,
            State.limited,
            f"not here; the next ./pants fetches it {role} (about {BUILD_SIZE // 1_000_000} MB)",
            needed=True,
        )
    refused = "; ".join(f"{host(url)}: {why}" for url, why in reasons.items())
    return Finding(
        subject,
        State.missing,
        f"{missing} It cannot be fetched either: {refused}",
        f"Install CPython 3.{minor} (pyenv, your distribution) or name yours with PTE_PYTHON3{minor}; or name a mirror "
        "or a folder of its archives with UV_PYTHON_INSTALL_MIRROR",
        needed=True,
        command=f"PTE_PYTHON3{minor}=/PATH/TO/python3.{minor} ./foundry doctor",
    )


def check_package_sources(
    indexes: Sequence[str], find_links: Sequence[str], why_not: Callable[[str], str]
) -> list[Finding]:
    """One finding for all sources that answer, one for each that does not. One that answers is enough.

    why_not: empty for an address that answers, else the reason.
    """
    reasons = {url: why_not(url) for url in (*indexes, *find_links)}
    usable = [without_password(url) for url, why in reasons.items() if not why]
    findings = []
    if usable:
        findings.append(Finding("packages", State.ok, ", ".join(usable), needed=True))
    findings += [
        Finding(
            "packages",
            State.missing,
            f"{without_password(url)}: {why}",
            _SOURCES_REMEDY,
            needed=not usable,
            command="PIP_INDEX_URL=https://YOUR.MIRROR/simple ./foundry doctor",
        )
        for url, why in reasons.items()
        if why
    ]
    if not findings:
        findings.append(
            Finding("packages", State.missing, "no source is set", _SOURCES_REMEDY, needed=True)
        )
    return findings


def check_torch_wheel(
    here: bool, size: int | None, index: str, why_not: Callable[[str], str]
) -> Finding:
    """The CPU build of torch, which the launcher fetches once.

    Args:
        here: whether it is in the launcher's cache, or in a folder that pip looks into.
        size: its bytes; None if the package index has the CPU build.
        index: PyTorch's own index.
    """
    subject = "torch's CPU wheel"
    if size is None:
        return Finding(subject, State.ok, "comes from the package index here")
    if here:
        return Finding(subject, State.ok, "is on this machine")
    megabytes = f"{size // 1_000_000} MB"
    why = why_not(index)
    if not why:
        return Finding(
            subject, State.limited, f"not here; the next ./pants fetches it ({megabytes})"
        )
    return Finding(
        subject,
        State.limited,
        f"not here ({megabytes}); {host(index)}: {why}",
        "If your package index does not have it, put it into a folder, and name that in pip's find-links",
    )


def host(url: str) -> str:
    """The host of a URL, or its path if it has none."""
    parts = urlsplit(url)
    return parts.hostname or parts.path or url


def without_password(url: str) -> str:
    """The URL without user and password."""
    scheme, separator, rest = url.partition("://")
    name, slash, path = rest.partition("/")
    return f"{scheme}{separator}{name.rpartition('@')[2]}{slash}{path}"


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


def check_disk(folder: str, free: int) -> Finding:
    """Check the free bytes on the disk of `folder`, where Pants keeps its caches."""
    found = f"{gigabytes(free)} free for {folder}"
    command = "./foundry doctor --disk"
    remedy = f"`{command}` shows what the caches take"
    if free < DISK_NEEDED:
        return Finding("disk", State.missing, found, remedy, needed=True, command=command)
    if free < DISK_COMFORTABLE:
        return Finding("disk", State.limited, found, remedy, needed=True)
    return Finding("disk", State.ok, found, needed=True)
