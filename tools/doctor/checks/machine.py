"""Memory and disk against what exports need."""

from __future__ import annotations

from pathlib import Path

from doctor.checks.finding import Finding, State, gigabytes

EXPORT_MEMORY = 3_000_000_000
"""Bytes that an export may take, with its toolchain: of a program of `models/`, up to 2 GB were measured."""

DISK_NEEDED = 5_000_000_000
"""Bytes for one toolchain with its virtual environment, and the sandboxes and results of the exports."""

DISK_COMFORTABLE = 20_000_000_000
"""Bytes for all toolchains, all programs and the tests' clones."""


def check_memory(available: int, parallel: int) -> Finding:
    """Args:
    available: bytes that a new process can have.
    parallel: processes that Pants runs at once.
    """
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
    """Args:
    folder: where Pants keeps its caches.
    free: bytes on its disk.
    """
    found = f"{gigabytes(free)} free for {folder}"
    remedy = "`./pants run tools/doctor -- --disk` shows what the caches take"
    if free < DISK_NEEDED:
        return Finding("disk", State.missing, found, remedy, needed=True)
    if free < DISK_COMFORTABLE:
        return Finding("disk", State.limited, found, remedy, needed=True)
    return Finding("disk", State.ok, found, needed=True)
