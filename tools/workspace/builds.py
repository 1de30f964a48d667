"""Builds with Pants: the one to compare with, and those without cached exports."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workspace.clone import temporary_clone
from workspace.errors import ToolError
from workspace.export_process import OUTPUTS, PROGRAM
from workspace.kept_sandbox import KeptSandbox, find_sandbox
from workspace.pants_command import failed, run_pants
from workspace.programs import Program
from workspace.repository import find_repository
from workspace.user_caches import user_caches

_QUIET = ("--no-pantsd", "--no-dynamic-ui", "--no-colors", "--level=info")
NO_REMOTE_CACHE = ("--no-remote-cache-read", "--no-remote-cache-write")
# Sandboxes are kept of what runs here.
_HERE = "--no-remote-execution"
_NO_CACHE = ("--no-local-cache", *NO_REMOTE_CACHE, _HERE)
# What pants.remote-execution.toml sets, whatever other files the user has; and no cache, neither here nor there.
_ON_WORKERS = (
    "--no-local-cache",
    *NO_REMOTE_CACHE,
    "--remote-execution",
    "--environments-preview-names={'workers': '//toolchains:workers'}",
    "--remote-runs-environment=workers",
)
_ADDRESSES = ("PANTS_REMOTE_EXECUTION_ADDRESS", "PANTS_REMOTE_STORE_ADDRESS")


@dataclass(frozen=True)
class BuildSetting:
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


@dataclass(frozen=True)
class Built:
    """What a build wrote, and the kept sandboxes of the exports that ran for it; both by address."""

    programs: Mapping[str, bytes]
    sandboxes: Mapping[str, KeptSandbox]


def build(setting: BuildSetting, programs: Sequence[Program], name: str) -> Built:
    """What `./pants package` gives, from a cache or not. `dist/` is left alone.

    name: of a new folder in the scratch folder, for the sandboxes.
    """
    return _build(setting, programs, name, {}, -1, (_HERE,))


def clean_build(
    setting: BuildSetting,
    programs: Sequence[Program],
    name: str,
    environment: Mapping[str, str] | None = None,
    umask: int = -1,
) -> dict[str, KeptSandbox]:
    """Build without caches; returns the sandbox of every export, with what it wrote, by address.

    name: of a new folder in the scratch folder for the sandboxes. environment: adds to the setting's.

    Raises ToolError if an export did not run.
    """
    built = _build(setting, programs, name, environment or {}, umask, _NO_CACHE)
    if missing := sorted(set(_addresses(programs)) - set(built.sandboxes)):
        raise ToolError(f"a build without caches did not run the exports of {missing}")
    return dict(built.sandboxes)


def remote_build(setting: BuildSetting, programs: Sequence[Program], name: str) -> dict[str, bytes]:
    """What workers of a remote execution service export, by address. name: of a new folder in the scratch folder.

    Raises ToolError if the environment names no service, or an export did not run on a worker.
    """
    if missing := [each for each in _ADDRESSES if not setting.environment.get(each)]:
        raise ToolError(
            f"{' and '.join(missing)}: not set. Name the service that is to export: docs/remote-execution.md"
        )
    folder = setting.scratch / name
    folder.mkdir()
    addresses = _addresses(programs)
    with _dist(setting) as dist:
        run = run_pants(
            setting.root,
            setting.environment,
            (*_arguments(setting, folder, dist, _ON_WORKERS), "package", *addresses),
        )
        if here := sorted(set(addresses) - set(run.on_workers)):
            raise ToolError(f"workers did not run the exports of {here}")
        return {program.address: (dist / program.pte).read_bytes() for program in programs}


def export_sandbox(setting: BuildSetting, program: Program, name: str) -> KeptSandbox:
    """The sandbox of an export that ran without caches, even if the program was then refused because of its floors.

    name: of a new folder in the scratch folder for the sandbox.

    Raises ToolError if the export itself failed, or did not run.
    """
    folder = setting.scratch / name
    folder.mkdir()
    with _dist(setting) as dist:
        run = run_pants(
            setting.root,
            setting.environment,
            (*_arguments(setting, folder, dist, _NO_CACHE), "package", program.address),
            may_fail=True,
        )
    for kept in run.sandboxes(_export(program.address)):
        if all((Path(kept) / output).is_file() for output in OUTPUTS):
            return KeptSandbox(Path(kept))
    raise failed(setting.root, run)


def _build(
    setting: BuildSetting,
    programs: Sequence[Program],
    name: str,
    environment: Mapping[str, str],
    umask: int,
    options: tuple[str, ...],
) -> Built:
    folder = setting.scratch / name
    folder.mkdir()
    with _dist(setting) as dist:
        run = run_pants(
            setting.root,
            {**setting.environment, **environment},
            (*_arguments(setting, folder, dist, options), "package", *_addresses(programs)),
            umask,
        )
        return Built(
            {program.address: (dist / program.pte).read_bytes() for program in programs},
            {
                address: find_sandbox(run, _export(address))
                for address in _addresses(programs)
                if run.sandboxes(_export(address))
            },
        )


@contextmanager
def _dist(setting: BuildSetting) -> Iterator[Path]:
    """A folder for what is built: Pants writes only below the build root."""
    dist = setting.root / "dist" / f"build-{setting.scratch.name}"
    try:
        yield dist
    finally:
        shutil.rmtree(dist, ignore_errors=True)


def _arguments(
    setting: BuildSetting, sandboxes: Path, dist: Path, options: tuple[str, ...]
) -> tuple[str, ...]:
    return (
        *_QUIET,
        *options,
        *_keep_sandboxes(sandboxes),
        f"--pants-distdir={dist}",
        *setting.options,
    )


@contextmanager
def clone_build(
    setting: BuildSetting, programs: Sequence[Program]
) -> Iterator[dict[str, KeptSandbox]]:
    """`clean_build` in a clone with empty caches and another HOME. The sandboxes last as long as the clone."""
    home = setting.scratch / "another-home"
    sandboxes = setting.scratch / "clone-sandboxes"
    for folder in (home, sandboxes):
        folder.mkdir()
    environment = {
        **setting.clone_environment,
        # The launcher's own cache holds Pants itself and torch's wheel, and nothing that was built.
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
        yield {address: find_sandbox(run, _export(address)) for address in _addresses(programs)}


def written_program(sandbox: KeptSandbox) -> bytes:
    """The `.pte` that the export left in its sandbox."""
    return (sandbox.folder / PROGRAM).read_bytes()


def _keep_sandboxes(folder: Path) -> tuple[str, ...]:
    return ("--keep-sandboxes=always", f"--local-execution-root-dir={folder}")


def _export(address: str) -> str:
    """How Pants calls the process."""
    return f"Export {address}"


def _addresses(programs: Sequence[Program]) -> tuple[str, ...]:
    return tuple(program.address for program in programs)
