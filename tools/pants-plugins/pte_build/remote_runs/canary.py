"""A small process on a worker, before the first export: can it run there, and do its files come back?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pants.base.exceptions import IntrinsicError
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.environment import EnvironmentName
from pants.engine.fs import CreateDigest, Digest, DigestEntries
from pants.engine.process import FallibleProcessResult, Process, ProcessCacheScope
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.util.logging import LogLevel

from pte_build.errors import PteBuildError
from pte_build.process_failure import failure_cause
from pte_build.remote_runs.place import BUILD_HERE, Workers
from pte_build.remote_runs.service_failure import describe_service_failure
from pte_build.remote_runs.worker_process import for_workers, starting_files
from pte_build.remote_runs.worker_run import CHECK
from pte_build.toolchain.interpreter import PATH
from pte_build.toolchain.process import FIXED_ENVIRONMENT

_PAGE = "docs/remote-execution.md"
_FILE = "canary.txt"
# What torch's wheels are built for: manylinux_2_28.
_OLDEST_GLIBC = (2, 28)
_PLATFORMS = {"linux_x86_64": "Linux x86_64", "linux_arm64": "Linux aarch64"}


@dataclass(frozen=True)
class CheckWorkers(EngineAwareParameter):
    workers: Workers

    def debug_hint(self) -> str:
        return self.workers.address


@dataclass(frozen=True)
class CheckedWorkers:
    """One of them, at least, can run exports. name: what it calls itself."""

    name: str


@rule
async def check_workers(request: CheckWorkers) -> CheckedWorkers:
    workers = request.workers
    files = await Get(Digest, CreateDigest(starting_files()))
    canary = Process(
        ("/bin/sh", "-c", 'exec "$0" "$@"', PATH, CHECK, _FILE),
        env=FIXED_ENVIRONMENT,
        output_files=(_FILE,),
        description=f"Check a worker of {workers.address}",
        # The next session may find others.
        cache_scope=ProcessCacheScope.PER_SESSION,
        level=LogLevel.DEBUG,
    )
    try:
        result = await Get(
            FallibleProcessResult,
            {for_workers(canary, files): Process, workers.environment: EnvironmentName},
        )
    except IntrinsicError as error:
        raise PteBuildError(describe_service_failure(workers.address, str(error))) from None
    if result.exit_code != 0:
        raise PteBuildError(
            f"{workers.address}: its worker cannot run a Python: {failure_cause(result)}. {BUILD_HERE}"
        )
    entries = await Get(DigestEntries, Digest, result.output_digest)
    if [entry.path for entry in entries] != [_FILE]:
        raise PteBuildError(
            f"{workers.address}: a worker ran a test, and the file that it wrote did not come back. Its runner ignores "
            "`Command.output_files`, which Pants 2.17 sends: so does buildbox-run from version 1.3.39 on. Use "
            "buildbox-run 1.3.11, which `./foundry cache-server --execute` has, or another runner: "
            f"{_PAGE}. {BUILD_HERE}"
        )
    worker = json.loads(result.stdout)
    check_worker(workers, worker)
    return CheckedWorkers(str(worker["name"]))


def check_worker(workers: Workers, worker: Mapping[str, Any]) -> None:
    """Raises PteBuildError if toolchains do not work there; `worker` is what `describe_worker` says of it."""
    for reason, remedy in _obstacles(workers.platform, worker):
        raise PteBuildError(
            f"{workers.address}: the worker {worker['name']} {reason}. {remedy}: {_PAGE}. {BUILD_HERE}"
        )


def _obstacles(wanted: str, worker: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    if worker["platform"] != _PLATFORMS[wanted]:
        yield (
            f"is {worker['platform']}, and the environment's platform is {wanted}",
            "Let `extra_platform_properties` of the environment choose other workers",
        )
    if not str(worker["python"]).startswith("CPython 3.11."):
        yield (
            f"starts {worker['python']} as python3.11",
            "Install CPython 3.11 there under that name",
        )
    libc, _, version = str(worker["libc"]).partition(" ")
    if libc != "glibc" or _numbers(version) < _OLDEST_GLIBC:
        oldest = ".".join(map(str, _OLDEST_GLIBC))
        yield (
            f"has the C library {worker['libc'] or 'of another kind'}, and PyTorch needs glibc {oldest} or newer",
            "Use an image that has it",
        )
    if not worker["libstdc++"]:
        yield "has no libstdc++.so.6, which PyTorch needs", "Install it there"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def rules() -> Iterable[Rule]:
    return collect_rules()
