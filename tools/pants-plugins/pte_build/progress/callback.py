"""Log what Pants does not show: stages of processes while they run; at the end, tests left out and run times."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path

from pants.base.build_root import BuildRoot
from pants.engine.internals.scheduler import Workunit
from pants.engine.rules import Rule, collect_rules, rule
from pants.engine.streaming_workunit_handler import (
    StreamingWorkunitContext,
    WorkunitsCallback,
    WorkunitsCallbackFactory,
    WorkunitsCallbackFactoryRequest,
)
from pants.engine.unions import UnionRule
from pants.option.global_options import GlobalOptions

from pte_build.progress.left_out import LeftOutTests
from pte_build.progress.run_times import RunTimes, RunTimesSubsystem
from pte_build.progress.stage_files import CACHE_NAME, REQUEST_KEYS, remove_old_files
from pte_build.progress.stage_reporter import StageReporter

logger = logging.getLogger(__name__)


class ProgressCallback(WorkunitsCallback):
    """Called about once a second, in a thread that logs to the session's terminal."""

    def __init__(self, folder: Path, report_after: int, times_file: Path | None) -> None:
        remove_old_files(folder, time.time())
        self._reporter = StageReporter(folder, os.getpid(), REQUEST_KEYS)
        self._left_out = LeftOutTests()
        self._times = RunTimes()
        self._report_after = report_after
        self._times_file = times_file

    def __call__(
        self,
        *,
        started_workunits: tuple[Workunit, ...],
        completed_workunits: tuple[Workunit, ...],
        finished: bool,
        context: StreamingWorkunitContext,
    ) -> None:
        for line in self._reporter.poll(started_workunits, completed_workunits):
            logger.info(line)
        self._left_out.add(completed_workunits)
        self._times.add(completed_workunits)
        if finished:
            self._end()

    def _end(self) -> None:
        if self._times.total() >= self._report_after:
            logger.info(self._times.line())
        if self._times_file is not None:
            self._times.append_to(self._times_file)
        for line in self._left_out.lines():
            logger.info(line)

    @property
    def can_finish_async(self) -> bool:
        # It logs in its last call too.
        return False


class ProgressCallbackFactoryRequest:
    """Makes Pants create a ProgressCallback for every session."""


@rule
def make_progress_callback(
    _: ProgressCallbackFactoryRequest,
    global_options: GlobalOptions,
    run_times: RunTimesSubsystem,
    build_root: BuildRoot,
) -> WorkunitsCallbackFactory:
    folder = Path(global_options.named_caches_dir, CACHE_NAME)
    file = Path(build_root.path, run_times.file) if run_times.file else None
    return WorkunitsCallbackFactory(lambda: ProgressCallback(folder, run_times.report_after, file))


def rules() -> Iterable[Rule | UnionRule]:
    return [
        *collect_rules(),
        UnionRule(WorkunitsCallbackFactoryRequest, ProgressCallbackFactoryRequest),
    ]
