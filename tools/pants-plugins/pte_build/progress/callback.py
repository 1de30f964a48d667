"""Log the stages of exports and validations while they run: Pants itself shows output after the end only."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path

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

from pte_build.progress.stage_files import CACHE_NAME, REQUEST_KEYS, remove_old_files
from pte_build.progress.stage_reporter import StageReporter

logger = logging.getLogger(__name__)


class StageCallback(WorkunitsCallback):
    """Called about once a second, in a thread that logs to the session's terminal."""

    def __init__(self, folder: Path) -> None:
        remove_old_files(folder, time.time())
        self._reporter = StageReporter(folder, os.getpid(), REQUEST_KEYS)

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

    @property
    def can_finish_async(self) -> bool:
        # It logs in its last call too.
        return False


class StageCallbackFactoryRequest:
    """Has Pants make a StageCallback for every session."""


@rule
def make_stage_callback(
    _: StageCallbackFactoryRequest, global_options: GlobalOptions
) -> WorkunitsCallbackFactory:
    folder = Path(global_options.named_caches_dir, CACHE_NAME)
    return WorkunitsCallbackFactory(lambda: StageCallback(folder))


def rules() -> Iterable[Rule | UnionRule]:
    return [
        *collect_rules(),
        UnionRule(WorkunitsCallbackFactoryRequest, StageCallbackFactoryRequest),
    ]
