"""A toolchain is built when something has to run in it, and not when a cache has the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pants.engine.environment import EnvironmentName
from pants.engine.fs import (
    EMPTY_DIGEST,
    AddPrefix,
    CreateDigest,
    Digest,
    DigestContents,
    MergeDigests,
)
from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import MockGet, RuleRunner, run_rule_with_mocks

from pte_build.remote_runs.place import RunPlace, Workers
from pte_build.remote_runs.run import WorkerResult, WorkerRun
from pte_build.result_cache.toolchain_run import ToolchainResult, ToolchainRun, run_in_toolchain
from pte_build.test_support import make_runner, set_options
from pte_build.toolchain.environment import ReadyToolchain
from pte_build.toolchain.identity import ToolchainIdentity
from pte_build.toolchain.locks import ToolchainRequest
from pte_build.toolchain.toolchain import Toolchain
from pte_build.weights.fetching import FetchWeights
from pte_build.weights.presence import PresentWeights

GETS: tuple[tuple[type[Any], tuple[type[Any], ...]], ...] = (
    (ToolchainIdentity, (ToolchainRequest,)),
    (PresentWeights, (FetchWeights,)),
    (Digest, (CreateDigest,)),
    (Digest, (MergeDigests,)),
    (Digest, (AddPrefix,)),
)
WORKERS = Workers(EnvironmentName("workers"), "grpc://192.0.2.1:1", "linux_x86_64")
TOOLCHAIN = ToolchainRequest(("engine",), needed_by="models/alpha:alpha_fast")


@pytest.fixture()
def runner(tmp_path: Path) -> RuleRunner:
    queries = [QueryRule(output, inputs) for output, inputs in GETS]
    queries.append(QueryRule(FallibleProcessResult, (Process,)))
    return make_runner(store=str(tmp_path / "store"), queries=tuple(queries))


class Machine:
    """Runs shell scripts in place of a toolchain's Python, and notes when a toolchain is built or prepared here.

    processes: what ran on this machine. sent: what workers got.
    """

    def __init__(self, runner: RuleRunner, place: RunPlace = RunPlace(None)) -> None:
        self.runner = runner
        self.place = place
        self.built: list[str] = []
        self.prepared: list[str] = []
        self.processes: list[Process] = []
        self.sent: list[Process] = []

    def run(
        self, script: str, toolchain: ToolchainRequest = TOOLCHAIN, remote: bool = False
    ) -> FallibleProcessResult:
        set_options(self.runner)
        process = Process(
            ("/bin/sh", "-c", script),
            input_digest=EMPTY_DIGEST,
            output_files=("out",),
            description="A script",
        )
        result: ToolchainResult = run_rule_with_mocks(
            run_in_toolchain,
            rule_args=[ToolchainRun(process, toolchain, remote=remote)],
            mock_gets=[
                MockGet(FallibleProcessResult, (Process,), mock=self._run_here),
                *(self.runner.do_not_use_mock(output, inputs) for output, inputs in GETS),
                MockGet(RunPlace, (), mock=lambda: self.place),
                MockGet(ReadyToolchain, (ToolchainRequest,), mock=self._prepare),
                MockGet(Toolchain, (ToolchainRequest,), mock=self._build),
                MockGet(WorkerResult, (WorkerRun,), mock=self._run_there),
            ],
        )
        return result.process

    def _run_here(self, process: Process) -> FallibleProcessResult:
        self.processes.append(process)
        return self.runner.request(FallibleProcessResult, [process])

    def _run_there(self, request: WorkerRun) -> WorkerResult:
        assert request.workers == WORKERS
        self.sent.append(request.process)
        return WorkerResult(self.runner.request(FallibleProcessResult, [request.process]))

    def _build(self, request: ToolchainRequest) -> Toolchain:
        self.built.append(request.needed_by)
        return Toolchain(EMPTY_DIGEST)

    def _prepare(self, request: ToolchainRequest) -> ReadyToolchain:
        self.prepared.append(request.needed_by)
        return ReadyToolchain(self._build(request).digest)


def test_a_known_result_needs_no_toolchain(runner: RuleRunner, tmp_path: Path) -> None:
    machine = Machine(runner)
    script = f"echo ran >> {tmp_path}/runs; echo said; echo warned >&2; printf bytes > out"
    first = machine.run(script)
    second = machine.run(script)
    # Who asks is not part of the key.
    third = machine.run(script, ToolchainRequest(("engine",), needed_by="models/alpha:other"))
    assert machine.built == ["models/alpha:alpha_fast"]
    assert (tmp_path / "runs").read_text() == "ran\n"
    for result in (first, second, third):
        assert (result.exit_code, result.stdout, result.stderr) == (0, b"said\n", b"warned\n")
        (file,) = runner.request(DigestContents, [result.output_digest])
        assert (file.path, file.content) == ("out", b"bytes")


def test_a_failure_is_a_result_and_is_not_kept(runner: RuleRunner, tmp_path: Path) -> None:
    machine = Machine(runner)
    script = f"echo ran >> {tmp_path}/runs; printf bytes > out; echo why >&2; exit 3"
    for _ in range(2):
        result = machine.run(script)
        assert (result.exit_code, result.stderr) == (3, b"why\n")
    assert (tmp_path / "runs").read_text() == "ran\n" * 2


def test_a_changed_lockfile_asks_for_another_result(runner: RuleRunner) -> None:
    machine = Machine(runner)
    machine.run("printf bytes > out")
    runner.write_files({"locks/engine.lock": "# changed\n"})
    machine.run("printf bytes > out")
    assert len(machine.built) == 2


def test_what_may_leave_goes_to_the_workers_and_is_known_here_afterwards(
    runner: RuleRunner, tmp_path: Path
) -> None:
    script = f"echo ran >> {tmp_path}/runs; printf bytes > out"
    there = Machine(runner, RunPlace(WORKERS))
    there.run(script, remote=True)
    assert len(there.sent) == 1
    # The worker prepares it.
    assert (there.built, there.prepared) == (["models/alpha:alpha_fast"], [])
    here = Machine(runner)
    for machine in (there, here):
        result = machine.run(script, remote=True)
        (file,) = runner.request(DigestContents, [result.output_digest])
        assert (file.path, file.content) == ("out", b"bytes")
    assert (tmp_path / "runs").read_text() == "ran\n"
    assert (len(there.sent), here.built) == (1, [])


def test_what_may_not_leave_stays(runner: RuleRunner) -> None:
    machine = Machine(runner, RunPlace(WORKERS))
    machine.run("printf bytes > out")
    assert machine.sent == []
    assert machine.prepared == ["models/alpha:alpha_fast"]


def test_workers_change_no_process_that_runs_here(tmp_path: Path) -> None:
    """Neither that of an export, if there are none, nor those that look for its result and keep it."""
    queries = [QueryRule(output, inputs) for output, inputs in GETS]
    queries.append(QueryRule(FallibleProcessResult, (Process,)))
    machines = []
    for place, remote in ((None, False), (None, True), (WORKERS, False), (WORKERS, True)):
        store = tmp_path / f"{remote}-{place is None}"
        runner = make_runner(store=str(store), queries=tuple(queries))
        machines.append(Machine(runner, RunPlace(place)))
        machines[-1].run("printf bytes > out", remote=remote)
    plain, *same, sent = machines
    look_up, export, leave, take = plain.processes
    for machine in same:
        assert machine.processes == plain.processes
    assert sent.processes == [look_up, leave, take]
    assert sent.sent == [export]
