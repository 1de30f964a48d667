"""Builds with Pants: the one to compare with, and those that use no cached export."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reproduce.command.programs import Program
from reproduce.perturbations.export_run import PROGRAM
from workspace.clone import temporary_clone
from workspace.kept_sandbox import KeptSandbox, find_sandbox
from workspace.pants_command import run_pants
from workspace.repository import find_repository
from workspace.user_caches import user_caches

_QUIET = ("--no-pantsd", "--no-dynamic-ui", "--no-colors", "--level=info")
_NO_CACHE = ("--no-local-cache", "--no-remote-cache-read", "--no-remote-cache-write")


@dataclass(frozen=True)
class Setting:
    """Where and how to build.

    Attributes:
        root: the repository.
        scratch: an empty folder, deleted at the end.
        environment: of a `./pants` in the repository.
        clone_environment: of a `./pants` in a clone.
        options: of every build, e.g. where weights come from.
    """

    root: Path
    scratch: Path
    environment: Mapping[str, str]
    clone_environment: Mapping[str, str]
    options: tuple[str, ...]


def reference_build(setting: Setting, programs: Sequence[Program]) -> dict[str, bytes]:
    """What `./pants package` gives, from a cache or not, by address. `dist/` stays as it is."""
    # Pants writes below the build root only.
    dist = setting.root / "dist" / f"reproduce-{setting.scratch.name}"
    options = (*_QUIET, f"--pants-distdir={dist}", *setting.options)
    try:
        run_pants(setting.root, setting.environment, (*options, "package", *_addresses(programs)))
        return {program.address: (dist / program.pte).read_bytes() for program in programs}
    finally:
        shutil.rmtree(dist, ignore_errors=True)


def clean_build(
    setting: Setting,
    programs: Sequence[Program],
    name: str,
    environment: Mapping[str, str] | None = None,
    umask: int = -1,
) -> dict[str, KeptSandbox]:
    """Build without caches; the sandbox of every export, with what it wrote, by address.

    name: of a new folder in the scratch folder for the sandboxes. environment: adds to the setting's.
    """
    folder = setting.scratch / name
    folder.mkdir()
    dist = setting.root / "dist" / f"reproduce-{setting.scratch.name}"
    options = (*_QUIET, *_NO_CACHE, f"--pants-distdir={dist}", *_keep_sandboxes(folder))
    try:
        run = run_pants(
            setting.root,
            {**setting.environment, **(environment or {})},
            (*options, *setting.options, "package", *_addresses(programs)),
            umask,
        )
    finally:
        shutil.rmtree(dist, ignore_errors=True)
    return {address: find_sandbox(run, f"Export {address}") for address in _addresses(programs)}


@contextmanager
def clone_build(setting: Setting, programs: Sequence[Program]) -> Iterator[dict[str, KeptSandbox]]:
    """`clean_build` in a clone with empty caches and another HOME; the sandboxes last as long as it."""
    home = setting.scratch / "another-home"
    sandboxes = setting.scratch / "clone-sandboxes"
    for folder in (home, sandboxes):
        folder.mkdir()
    environment = {
        **setting.clone_environment,
        # The launcher's own cache holds Pants itself and torch's wheel: no part of it builds anything.
        **user_caches(setting.environment),
        "HOME": str(home),
        "PANTS_LOCAL_STORE_DIR": str(setting.scratch / "store"),
        "PANTS_NAMED_CACHES_DIR": str(setting.scratch / "named-caches"),
    }
    options = (*_QUIET, *_NO_CACHE[1:], *_keep_sandboxes(sandboxes), *setting.options)
    with temporary_clone(
        find_repository(setting.root), setting.scratch / "a/second/clone", environment, options
    ) as clone:
        run = clone.pants("package", *_addresses(programs))
        yield {address: find_sandbox(run, f"Export {address}") for address in _addresses(programs)}


def written_program(sandbox: KeptSandbox) -> bytes:
    """The `.pte` that the export left in its sandbox."""
    return (sandbox.folder / PROGRAM).read_bytes()


def _keep_sandboxes(folder: Path) -> tuple[str, ...]:
    return ("--keep-sandboxes=always", f"--local-execution-root-dir={folder}")


def _addresses(programs: Sequence[Program]) -> tuple[str, ...]:
    return tuple(program.address for program in programs)
