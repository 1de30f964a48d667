"""Before the first export, a worker that cannot run one is found, and named with the remedy."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pants.base.exceptions import IntrinsicError
from pants.engine.environment import EnvironmentName
from pants.engine.fs import EMPTY_DIGEST, CreateDigest, Digest, DigestEntries, FileContent
from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import MockGet, RuleRunner, run_rule_with_mocks

from pte_build.errors import PteBuildError
from pte_build.remote_runs.canary import CheckedWorkers, CheckWorkers, check_worker, check_workers
from pte_build.remote_runs.place import Workers
from pte_build.test_support import make_runner

WORKERS = Workers(EnvironmentName("workers"), "grpc://192.0.2.1:1", "linux_x86_64")
GOOD: dict[str, Any] = {
    "name": "fox",
    "platform": "Linux x86_64",
    "python": "CPython 3.11.2",
    "libc": "glibc 2.36",
    "libstdc++": True,
    "keeps": True,
}
GETS: tuple[tuple[type[Any], tuple[type[Any], ...]], ...] = (
    (Digest, (CreateDigest,)),
    (DigestEntries, (Digest,)),
)


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    queries = [QueryRule(output, inputs) for output, inputs in GETS]
    return make_runner(queries=(*queries, QueryRule(FallibleProcessResult, (Process,))))


def check(runner: RuleRunner, run: Callable[[Process], FallibleProcessResult]) -> CheckedWorkers:
    """With `run` in place of a service."""

    def answer(process: Process, name: EnvironmentName) -> FallibleProcessResult:
        assert name == WORKERS.environment
        return run(process)

    result: CheckedWorkers = run_rule_with_mocks(
        check_workers,
        rule_args=[CheckWorkers(WORKERS)],
        mock_gets=[
            *(runner.do_not_use_mock(output, inputs) for output, inputs in GETS),
            MockGet(FallibleProcessResult, (Process, EnvironmentName), mock=answer),
        ],
    )
    return result


def here(runner: RuleRunner, script: str, output: str = "canary.txt") -> FallibleProcessResult:
    """A shell script on this machine, as a worker's result."""
    said = runner.request(Digest, [CreateDigest([FileContent("said", json.dumps(GOOD).encode())])])
    process = Process(
        ("/bin/sh", "-c", script),
        input_digest=said,
        output_files=(output,),
        description="A worker",
    )
    return runner.request(FallibleProcessResult, [process])


def test_a_good_worker(runner: RuleRunner) -> None:
    checked = check(runner, lambda _: here(runner, "/bin/cat said; echo >canary.txt"))
    assert checked == CheckedWorkers("fox")


def test_it_is_checked_in_each_session_and_with_the_files_that_start_exports(
    runner: RuleRunner,
) -> None:
    sent: list[Process] = []

    def run(process: Process) -> FallibleProcessResult:
        sent.append(process)
        return here(runner, "/bin/cat said; echo >canary.txt")

    check(runner, run)
    (process,) = sent
    assert process.cache_scope.name == "PER_SESSION"
    entries = runner.request(DigestEntries, [process.input_digest])
    assert ".python/py311" in [entry.path for entry in entries]


def test_a_runner_that_ignores_output_files_is_found(runner: RuleRunner) -> None:
    with pytest.raises(PteBuildError, match=r"ignores `Command.output_files`.*1\.3\.39.*1\.3\.11"):
        check(runner, lambda _: here(runner, "/bin/cat said"))


def test_what_the_worker_says_is_passed_on(runner: RuleRunner) -> None:
    script = "echo 'pte-foundry: the worker fox has no CPython 3.11' >&2; exit 127"
    with pytest.raises(
        PteBuildError, match="192.0.2.1.*the worker fox has no CPython 3.11.*--no-remote"
    ):
        check(runner, lambda _: here(runner, script))


def test_a_service_that_is_absent() -> None:
    rule = check_workers(CheckWorkers(WORKERS))
    # The files that start a Python, then the process.
    for answer in (None, EMPTY_DIGEST):
        rule.send(answer)
    with pytest.raises(PteBuildError, match="service grpc://192.0.2.1:1: it cannot be reached"):
        rule.throw(IntrinsicError('Unavailable: "error trying to connect: tcp connect error"'))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"platform": "Linux aarch64"}, "is Linux aarch64, and .* linux_x86_64"),
        ({"platform": "Darwin arm64"}, "is Darwin arm64"),
        ({"python": "CPython 3.12.1"}, "starts CPython 3.12.1 as python3.11"),
        ({"python": "PyPy 3.11.2"}, "starts PyPy"),
        ({"libc": "glibc 2.27"}, "glibc 2.27, and PyTorch needs glibc 2.28"),
        ({"libc": ""}, "of another kind"),
        ({"libstdc++": False}, "no libstdc"),
    ],
)
def test_a_worker_that_toolchains_do_not_work_on(change: dict[str, Any], message: str) -> None:
    check_worker(WORKERS, GOOD)
    with pytest.raises(PteBuildError, match=f"the worker fox .*{message}.*--no-remote-execution"):
        check_worker(WORKERS, {**GOOD, **change})
