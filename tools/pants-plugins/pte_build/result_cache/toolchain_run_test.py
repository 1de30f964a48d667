"""A toolchain is built when something has to run in it, and not when a cache has the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
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

from pte_build.result_cache.toolchain_run import ToolchainResult, ToolchainRun, run_in_toolchain
from pte_build.test_support import make_runner, set_options
from pte_build.toolchain.environment import ReadyToolchain
from pte_build.toolchain.identity import ToolchainIdentity
from pte_build.toolchain.locks import ToolchainRequest
from pte_build.weights.fetching import FetchWeights
from pte_build.weights.presence import PresentWeights

GETS: tuple[tuple[type[Any], tuple[type[Any], ...]], ...] = (
    (ToolchainIdentity, (ToolchainRequest,)),
    (FallibleProcessResult, (Process,)),
    (PresentWeights, (FetchWeights,)),
    (Digest, (CreateDigest,)),
    (Digest, (MergeDigests,)),
    (Digest, (AddPrefix,)),
)
TOOLCHAIN = ToolchainRequest(("engine",), needed_by="models/alpha:alpha_fast")


@pytest.fixture()
def runner(tmp_path: Path) -> RuleRunner:
    queries = [QueryRule(output, inputs) for output, inputs in GETS]
    return make_runner(store=str(tmp_path / "store"), queries=tuple(queries))


class Machine:
    """Runs shell scripts in place of a toolchain's Python, and notes when a toolchain is built."""

    def __init__(self, runner: RuleRunner) -> None:
        self.runner = runner
        self.built: list[str] = []

    def run(self, script: str, toolchain: ToolchainRequest = TOOLCHAIN) -> FallibleProcessResult:
        set_options(self.runner)
        process = Process(
            ("/bin/sh", "-c", script),
            input_digest=EMPTY_DIGEST,
            output_files=("out",),
            description="A script",
        )
        result: ToolchainResult = run_rule_with_mocks(
            run_in_toolchain,
            rule_args=[ToolchainRun(process, toolchain)],
            mock_gets=[
                *(self.runner.do_not_use_mock(output, inputs) for output, inputs in GETS),
                MockGet(ReadyToolchain, (ToolchainRequest,), mock=self.build),
            ],
        )
        return result.process

    def build(self, request: ToolchainRequest) -> ReadyToolchain:
        self.built.append(request.needed_by)
        return ReadyToolchain(EMPTY_DIGEST)


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
