"""Stages of a real process are logged while it runs, but not those of a process that a cache answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from pants.engine.rules import QueryRule
from pants.engine.streaming_workunit_handler import (
    StreamingWorkunitHandler,
    WorkunitsCallbackFactory,
)
from pants.testutil.rule_runner import RuleRunner
from pants.util.logging import LogLevel

from pte_build.program.export import ExportedProgram, ExportedProgramRequest
from pte_build.progress.callback import ProgressCallbackFactoryRequest
from pte_build.test_support import ALPHA_FAST, SEEDED, make_runner

WAITING = """
import pathlib, sys, time

end = time.monotonic() + 60
while not pathlib.Path({go!r}).exists():
    if time.monotonic() > end:
        sys.exit("the first stage was not logged while this ran")
    time.sleep(0.01)
CONTENT = "waited"
"""


def stage_runner(folder: Path) -> RuleRunner:
    caches = str(folder / "named_caches")
    return make_runner(
        SEEDED,
        # The rule runner does not pass its bootstrap options on to rules.
        f"--named-caches-dir={caches}",
        store=str(folder / "store"),
        named_caches=caches,
        queries=(QueryRule(WorkunitsCallbackFactory, (ProgressCallbackFactoryRequest,)),),
    )


def export_with_callback(runner: RuleRunner) -> ExportedProgram:
    """Export as a session does: with the callback in a thread of its own."""
    factory = runner.request(WorkunitsCallbackFactory, [ProgressCallbackFactoryRequest()])
    handler = StreamingWorkunitHandler(
        runner.scheduler,
        run_tracker=cast(Any, None),
        callbacks=[callback] if (callback := factory.callback_factory()) else [],
        options_bootstrapper=runner.options_bootstrapper,
        specs=cast(Any, None),
        report_interval_seconds=0.05,
        allow_async_completion=True,
        max_workunit_verbosity=LogLevel.DEBUG,
    )
    with handler:
        return runner.request(ExportedProgram, [ExportedProgramRequest(ALPHA_FAST)])


class _OnMessage(logging.Handler):
    """Calls `then` when a message with `text` is logged."""

    def __init__(self, text: str, then: Callable[[], None]) -> None:
        super().__init__()
        self.text = text
        self.then = then

    def emit(self, record: logging.LogRecord) -> None:
        if self.text in record.getMessage():
            self.then()


def test_stages_are_logged_while_the_process_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runner = stage_runner(tmp_path)
    go = tmp_path / "go"
    builder = "src/python/pte_foundry/models/alpha.py"
    runner.write_files({builder: WAITING.format(go=str(go))})
    caplog.set_level(logging.INFO)
    # The export ends only when its first stage has been logged; else it fails.
    handler = _OnMessage("models/alpha:alpha_fast: loading the model (", go.touch)
    logger = logging.getLogger("pte_build.progress.callback")
    logger.addHandler(handler)
    try:
        exported = export_with_callback(runner)
    finally:
        logger.removeHandler(handler)
    messages = [
        record.getMessage() for record in caplog.records if "alpha_fast: " in record.message
    ]
    assert messages[0].startswith("models/alpha:alpha_fast: loading the model (")
    assert messages[-1].startswith("models/alpha:alpha_fast: exported in ")
    assert ", loading the model " in messages[-1]

    # Another session with the same store.
    caplog.clear()
    again = stage_runner(tmp_path)
    again.write_files({builder: WAITING.format(go=str(go))})
    assert export_with_callback(again).pte == exported.pte
    assert "alpha_fast: " not in caplog.text
