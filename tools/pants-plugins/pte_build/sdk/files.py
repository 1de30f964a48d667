"""The files of an SDK, as inputs of processes: their content counts, not the SDK's location."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from pants.base.build_root import BuildRoot
from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import EMPTY_DIGEST, CreateDigest, Digest, DigestEntries, FileEntry
from pants.engine.process import Process, ProcessCacheScope, ProcessResult
from pants.engine.rules import Get, Rule, _uncacheable_rule, collect_rules, rule
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from pte_build.errors import PteBuildError
from pte_build.sdk.kinds import (
    SDKS,
    SdkRequirement,
    is_library,
    sandbox_environment,
    stated_version,
)
from pte_build.sdk.subsystem import QnnSubsystem

_COPY = "copy"


@dataclass(frozen=True)
class SdkRoots:
    """SDK name to the folder that the options set for it."""

    folders: FrozenDict[str, str]

    def find(self, requirement: SdkRequirement) -> str | None:
        return self.folders.get(requirement.name)


@dataclass(frozen=True)
class SdkRequest(EngineAwareParameter):
    """`requirement` is None for a backend that needs no SDK. `program` is for messages."""

    requirement: SdkRequirement | None
    program: Address

    def debug_hint(self) -> str:
        return self.program.spec


@dataclass(frozen=True)
class Sdk:
    """`environment` is for processes that have `digest` among their inputs."""

    digest: Digest = EMPTY_DIGEST
    environment: FrozenDict[str, str] = FrozenDict()


@dataclass(frozen=True)
class FindSdk(EngineAwareParameter):
    requirement: SdkRequirement
    folder: str

    def debug_hint(self) -> str:
        return self.folder


@dataclass(frozen=True)
class InstalledSdk:
    """Path below the SDK's folder to the file on this machine."""

    files: FrozenDict[str, str]


@dataclass(frozen=True)
class SdkDigest:
    digest: Digest


def installed_files(folder: str, requirement: SdkRequirement) -> dict[str, str]:
    """The files of the SDK in `folder` that processes get.

    Raises PteBuildError if the folder does not hold this SDK, or holds another version.
    """
    kind = requirement.kind
    where = f"{kind.option} is {folder}"
    version_file = os.path.join(folder, kind.version_file)
    try:
        with open(version_file, encoding="utf-8") as file:
            version = stated_version(file.read())
    except (OSError, UnicodeDecodeError) as error:
        raise PteBuildError(
            f"{where}, where {kind.version_file} cannot be read: {error}. {requirement.remedy}"
        ) from None
    if version is None:
        raise PteBuildError(
            f"{where}, where {kind.version_file} has no line `version: {requirement.version}.…`. "
            f"{requirement.remedy}"
        )
    if not requirement.accepts(version):
        raise PteBuildError(
            f"{where}, which has version {version}, but {requirement.version} is needed. "
            f"{requirement.remedy}"
        )
    libraries = os.path.join(folder, kind.library_folder)
    names = sorted(
        name for name in (os.listdir(libraries) if os.path.isdir(libraries) else ())
        if is_library(name) and os.path.isfile(os.path.join(libraries, name))
    )  # fmt: skip
    if kind.required_library not in names:
        raise PteBuildError(
            f"{where}, which has no {kind.library_folder}/{kind.required_library}. {requirement.remedy}"
        )
    return {
        kind.version_file: version_file,
        **{f"{kind.library_folder}/{name}": os.path.join(libraries, name) for name in names},
    }


@rule
def find_sdk_roots(qnn: QnnSubsystem, build_root: BuildRoot) -> SdkRoots:
    options = {"qnn": qnn.sdk_root}
    assert set(options) == set(SDKS)
    return SdkRoots(
        FrozenDict(
            {
                name: os.path.normpath(os.path.join(build_root.path, folder))
                for name, folder in options.items()
                if folder
            }
        )
    )


# Files outside the build root are invisible to the engine: look again in every session that needs them.
@_uncacheable_rule
async def find_installed_sdk(request: FindSdk) -> InstalledSdk:
    return InstalledSdk(FrozenDict(installed_files(request.folder, request.requirement)))


@rule
async def copy_sdk(request: FindSdk) -> SdkDigest:
    installed = await Get(InstalledSdk, FindSdk, request)
    # Numbered, because one flat folder has to hold them. Links are followed.
    script = 'mkdir "$0"; n=0; for file; do /bin/cp -L -- "$file" "$0/$n" || exit; n=$((n+1)); done'
    copied = await Get(
        ProcessResult,
        Process(
            ("/bin/sh", "-c", script, _COPY, *installed.files.values()),
            env={"PATH": "/usr/bin:/bin"},
            output_directories=(_COPY,),
            description=f"Read the {request.requirement}",
            cache_scope=ProcessCacheScope.PER_SESSION,
            level=LogLevel.INFO,
        ),
    )
    entries = await Get(DigestEntries, Digest, copied.output_digest)
    contents = {entry.path: entry.file_digest for entry in entries if isinstance(entry, FileEntry)}
    # New entries, because the modes of the installed files may differ between machines.
    return SdkDigest(
        await Get(
            Digest,
            CreateDigest(
                FileEntry(f"{_folder(request.requirement)}/{path}", contents[f"{_COPY}/{number}"])
                for number, path in enumerate(installed.files)
            ),
        )
    )


@rule
async def provide_sdk(request: SdkRequest, roots: SdkRoots) -> Sdk:
    requirement = request.requirement
    if requirement is None:
        return Sdk()
    folder = roots.find(requirement)
    if folder is None:
        raise PteBuildError(
            f"{request.program} is unavailable: {requirement.missing_reason}. {requirement.remedy}"
        )
    try:
        found = await Get(SdkDigest, FindSdk(requirement, folder))
    except PteBuildError as error:
        raise PteBuildError(f"{request.program}: {error}") from None
    return Sdk(found.digest, sandbox_environment(_folder(requirement), requirement.kind))


def _folder(requirement: SdkRequirement) -> str:
    """The SDK's folder in a sandbox."""
    return str(PurePath("sdk", requirement.name))


def rules() -> Iterable[Rule]:
    return collect_rules()
