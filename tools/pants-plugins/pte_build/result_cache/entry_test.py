"""An entry is found by its key alone, has all that the run had, and is never made from an incomplete result."""

from __future__ import annotations

from pathlib import Path

import pytest
from pants.engine.fs import CreateDigest, Digest, DigestContents, Directory, FileContent
from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.result_cache.entry import FILES, STDERR, STDOUT, leave, look_up, take
from pte_build.test_support import make_runner, set_options

KEY, OTHER_KEY = "0a" * 32, "0b" * 32
OUTPUTS = ("program.pte", "facts/facts.json")


@pytest.fixture()
def runner(tmp_path: Path) -> RuleRunner:
    return make_runner(
        store=str(tmp_path / "store"),
        named_caches=str(tmp_path / "named"),
        queries=(QueryRule(FallibleProcessResult, (Process,)), QueryRule(Digest, (CreateDigest,))),
    )


def run(runner: RuleRunner, process: Process) -> FallibleProcessResult:
    return runner.request(FallibleProcessResult, [process])


def leave_result(runner: RuleRunner, *files: str) -> None:
    result = runner.request(
        Digest,
        [
            CreateDigest(
                [
                    Directory(FILES),
                    *(FileContent(f"{FILES}/{file}", b"bytes") for file in files),
                    FileContent(STDOUT, b"said\n"),
                    FileContent(STDERR, b"warned\n"),
                ]
            )
        ],
    )
    assert run(runner, leave(KEY, files, result, "Leave")).exit_code == 0


def test_what_was_left_is_found_from_then_on(runner: RuleRunner, tmp_path: Path) -> None:
    leave_result(runner, *OUTPUTS)
    assert run(runner, take(KEY, OUTPUTS, "Take")).exit_code == 0
    # The folder was only there for the hand-over.
    assert not list((tmp_path / "named").glob("pte_results/*"))
    found = run(runner, look_up(KEY, OUTPUTS, "Export"))
    assert (found.exit_code, found.stdout, found.stderr) == (0, b"said\n", b"warned\n")
    contents = runner.request(DigestContents, [found.output_digest])
    assert {file.path: file.content for file in contents} == dict.fromkeys(OUTPUTS, b"bytes")
    assert run(runner, look_up(OTHER_KEY, OUTPUTS, "Export")).exit_code != 0


def test_a_look_up_takes_nothing_itself(runner: RuleRunner) -> None:
    leave_result(runner, *OUTPUTS)
    assert run(runner, look_up(KEY, OUTPUTS, "Export")).exit_code != 0
    # It has not taken it away either.
    assert run(runner, take(KEY, OUTPUTS, "Take")).exit_code == 0


def test_nothing_left_makes_no_entry(runner: RuleRunner) -> None:
    assert run(runner, take(KEY, OUTPUTS, "Take")).exit_code != 0
    leave_result(runner, *OUTPUTS)
    set_options(runner)
    assert run(runner, take(KEY, OUTPUTS, "Take")).exit_code == 0


def test_an_incomplete_result_makes_no_entry(runner: RuleRunner) -> None:
    leave_result(runner, OUTPUTS[0])
    assert run(runner, take(KEY, OUTPUTS, "Take")).exit_code != 0
    set_options(runner)
    assert run(runner, look_up(KEY, OUTPUTS, "Export")).exit_code != 0
