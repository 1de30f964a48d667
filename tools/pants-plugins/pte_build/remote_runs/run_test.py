from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from pants.base.exceptions import IntrinsicError
from pants.engine.environment import EnvironmentName
from pants.engine.fs import EMPTY_DIGEST, CreateDigest, Digest, DigestEntries, MergeDigests
from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import MockGet, RuleRunner, run_rule_with_mocks

from pte_build.errors import PteBuildError
from pte_build.remote_runs.canary import CheckedWorkers, CheckWorkers
from pte_build.remote_runs.place import Workers
from pte_build.remote_runs.run import WorkerResult, WorkerRun, run_on_worker
from pte_build.test_support import make_runner
from pte_build.toolchain.process import toolchain_process

WORKERS = Workers(EnvironmentName("workers"), "grpc://192.0.2.1:1", "linux_x86_64")
PROCESS = toolchain_process(
    ("-m", "some.module"),
    input_digest=EMPTY_DIGEST,
    output_files=("out",),
    description="Export a:b",
)
GETS: tuple[tuple[type[Any], tuple[type[Any], ...]], ...] = (
    (Digest, (CreateDigest,)),
    (Digest, (MergeDigests,)),
)
TOOK = "echo 'worker: fox took 9.0 s (starting 1.0, exporting 8.0)' >&2"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def runner(store: Path) -> RuleRunner:
    return runner_with(store)


def runner_with(store: Path) -> RuleRunner:
    queries = [QueryRule(output, inputs) for output, inputs in GETS]
    more = (QueryRule(FallibleProcessResult, (Process,)), QueryRule(DigestEntries, (Digest,)))
    return make_runner(store=str(store), queries=(*queries, *more))


class Service:
    """Runs a shell script of this machine for each process that it is sent."""

    def __init__(self, runner: RuleRunner) -> None:
        self.runner = runner
        self.script = TOOK
        self.sent: list[Process] = []
        self.checked: list[Workers] = []

    def run(self) -> FallibleProcessResult:
        result: WorkerResult = run_rule_with_mocks(
            run_on_worker,
            rule_args=[WorkerRun(PROCESS, WORKERS)],
            mock_gets=[
                *(self.runner.do_not_use_mock(output, inputs) for output, inputs in GETS),
                MockGet(CheckedWorkers, (CheckWorkers,), mock=self._check),
                MockGet(FallibleProcessResult, (Process, EnvironmentName), mock=self._answer),
            ],
        )
        return result.process

    def _check(self, request: CheckWorkers) -> CheckedWorkers:
        assert not self.sent
        self.checked.append(request.workers)
        return CheckedWorkers("fox")

    def _answer(self, process: Process, name: EnvironmentName) -> FallibleProcessResult:
        assert name == WORKERS.environment
        self.sent.append(process)
        script = Process(("/bin/sh", "-c", self.script), description="A worker")
        return self.runner.request(FallibleProcessResult, [script])


@pytest.fixture()
def service(runner: RuleRunner) -> Service:
    return Service(runner)


def test_workers_are_checked_and_get_what_starts_their_python(service: Service) -> None:
    service.run()
    assert service.checked == [WORKERS]
    (sent,) = service.sent
    entries = service.runner.request(DigestEntries, [sent.input_digest])
    assert sorted(entry.path for entry in entries) == [
        ".python/compile_packages.py",
        ".python/py311",
        ".python/worker_run.py",
    ]
    assert not sent.append_only_caches


def test_the_end_is_told_with_the_worker_and_its_stages_unless_a_cache_has_it(
    service: Service, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    line = "a:b: exported in 9.0 s on fox (starting 1.0, exporting 8.0)"
    another = Service(runner_with(store))
    for each, told in ((service, [line]), (another, [])):
        caplog.clear()
        each.script = f"{TOOK}; : the end is told"
        each.run()
        assert [message for message in caplog.messages if "a:b" in message] == told


def test_a_failure_is_a_result(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    service.script = f"{TOOK}; exit 3"
    assert service.run().exit_code == 3
    assert "exported" not in caplog.text


def test_a_service_that_fails_is_an_error_that_says_for_what() -> None:
    rule = run_on_worker(WorkerRun(PROCESS, WORKERS))
    # The check, the files that start a Python, all inputs, then the process.
    for answer in (None, CheckedWorkers("fox"), EMPTY_DIGEST, EMPTY_DIGEST):
        rule.send(answer)
    with pytest.raises(PteBuildError, match="Export a:b: the remote execution service grpc://192"):
        rule.throw(IntrinsicError("Too many failures from server. The last error was: reset"))
