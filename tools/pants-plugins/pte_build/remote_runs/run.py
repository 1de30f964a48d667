"""Run a process of a toolchain on a worker."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pants.base.exceptions import IntrinsicError
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.environment import EnvironmentName
from pants.engine.fs import CreateDigest, Digest, MergeDigests
from pants.engine.internals.session import RunId
from pants.engine.process import FallibleProcessResult, Process, ProcessResultMetadata
from pants.engine.rules import Get, Rule, collect_rules, rule

from pte_build.errors import PteBuildError
from pte_build.progress.stage_reporter import said_of
from pte_build.remote_runs.canary import CheckedWorkers, CheckWorkers
from pte_build.remote_runs.place import Workers
from pte_build.remote_runs.service_failure import describe_service_failure
from pte_build.remote_runs.worker_process import for_workers, starting_files
from pte_build.remote_runs.worker_run import SAYS

logger = logging.getLogger(__name__)

_TOOK = re.compile(
    rf"^{SAYS}: (?P<name>\S+) took (?P<seconds>[\d.]+) s \((?P<stages>.*)\)$", re.MULTILINE
)


@dataclass(frozen=True)
class WorkerRun(EngineAwareParameter):
    """`process` has all of its inputs, but no interpreter."""

    process: Process
    workers: Workers

    def debug_hint(self) -> str:
        return self.process.description


@dataclass(frozen=True)
class WorkerResult:
    """Of a type of its own, as `ToolchainResult` is."""

    process: FallibleProcessResult


@rule
async def run_on_worker(request: WorkerRun) -> WorkerResult:
    process, workers = request.process, request.workers
    await Get(CheckedWorkers, CheckWorkers(workers))
    starting = await Get(Digest, CreateDigest(starting_files()))
    inputs = await Get(Digest, MergeDigests([process.input_digest, starting]))
    try:
        result = await Get(
            FallibleProcessResult,
            {for_workers(process, inputs): Process, workers.environment: EnvironmentName},
        )
    except IntrinsicError as error:
        failure = describe_service_failure(workers.address, str(error))
        raise PteBuildError(f"{process.description}: {failure}") from None
    if (line := worker_line(process.description, result)) is not None:
        logger.info(line)
    return WorkerResult(result)


def worker_line(description: str, result: FallibleProcessResult) -> str | None:
    """`a:b: exported in 9.0 s on WORKER (…)`; None if a cache had the result, or the process failed."""
    metadata = result.metadata
    ran = metadata.source(RunId(metadata.source_run_id)) == ProcessResultMetadata.Source.RAN
    said = said_of(description)
    took = _TOOK.search(result.stderr.decode(errors="replace"))
    if not ran or said is None or took is None or result.exit_code != 0:
        return None
    address, done = said
    return f"{address}: {done} in {took['seconds']} s on {took['name']} ({took['stages']})"


def rules() -> Iterable[Rule]:
    return collect_rules()
