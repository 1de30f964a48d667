"""A failure begins with its cause, whatever the process wrote, and the log follows."""

from __future__ import annotations

import pytest
from pants.engine.fs import EMPTY_DIGEST
from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.process_failure import describe_failure, failure_cause
from pte_build.test_support import make_runner

TRACEBACK = """a warning
Traceback (most recent call last):
  File "a.py", line 1, in f
KeyError: 'inner'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "b.py", line 2, in g
    raise ValueError
ValueError: the outer one
with a second line
"""


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(queries=(QueryRule(FallibleProcessResult, (Process,)),))


def run(
    runner: RuleRunner, script: str, *arguments: str, timeout: float | None = None
) -> FallibleProcessResult:
    process = Process(
        ("/bin/sh", "-c", script, *arguments),
        input_digest=EMPTY_DIGEST,
        description="A process",
        timeout_seconds=timeout,
    )
    return runner.request(FallibleProcessResult, [process])


def failing(runner: RuleRunner, stderr: str, stdout: str = "") -> FallibleProcessResult:
    script = 'printf "%s" "$0" >&2; printf "%s" "$1"; exit 3'
    return run(runner, script, stderr, stdout)


@pytest.mark.parametrize(
    ("stderr", "stdout", "expected"),
    [
        (
            "noise\npte-foundry: bad-option: no `x`\n  known: y\n",
            "",
            "bad-option: no `x`\n  known: y",
        ),
        ("pte-foundry: first\npte-foundry: says pte-foundry: last\n", "", "says pte-foundry: last"),
        (TRACEBACK + "pte-foundry: lowering-failed: why\n", "out", "lowering-failed: why"),
        (TRACEBACK, "out", "ValueError: the outer one"),
        ("warning\nerror: it broke\n", "", "error: it broke"),
        ("warning\n", "the last word\n", "the last word"),
        ("", "", "exit code 3"),
    ],
    ids=["message", "last message", "after a traceback", "traceback", "stderr", "stdout", "silent"],
)
def test_failure_cause(runner: RuleRunner, stderr: str, stdout: str, expected: str) -> None:
    assert failure_cause(failing(runner, stderr, stdout)) == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("kill -9 $$", "killed by SIGKILL, most likely for lack of memory"),
        ("/bin/sh -c 'kill -9 $$'; exit $?", "killed by SIGKILL, most likely for lack of memory"),
        ("kill -6 $$", "crashed with SIGABRT"),
        ("echo loading >&2; kill -11 $$", "crashed with SIGSEGV"),
    ],
    ids=["killed", "killed below a shell", "aborted", "crashed"],
)
def test_signals(runner: RuleRunner, script: str, expected: str) -> None:
    assert expected in failure_cause(run(runner, script))


def test_a_timeout_is_reported_as_one(runner: RuleRunner) -> None:
    result = run(runner, "echo begun >&2; /bin/sleep 30", timeout=0.2)
    assert failure_cause(result).startswith("it was stopped after its timeout of 0.2 seconds")


def test_the_cause_comes_first_and_the_whole_log_after_it(runner: RuleRunner) -> None:
    stderr = TRACEBACK + "pte-foundry: lowering-failed: why\n"
    message = describe_failure("a:b: export failed", failing(runner, stderr, "on stdout\n"))
    cause, separator, log = message.partition("\n\nThe whole log of the process:\n\n")
    assert cause == "a:b: export failed: lowering-failed: why"
    assert separator
    lines = ["on stdout", *stderr.splitlines()]
    assert [line[4:] for line in log.splitlines()] == lines


def test_a_log_that_says_no_more_than_the_cause_is_left_out(runner: RuleRunner) -> None:
    message = describe_failure("a:b: export failed", failing(runner, "pte-foundry: bad: why\n"))
    assert message == "a:b: export failed: bad: why"
    assert describe_failure("a", run(runner, "exit 3")) == "a: exit code 3"


def test_a_very_long_log_loses_its_beginning(runner: RuleRunner) -> None:
    result = run(
        runner, "/usr/bin/yes 0123456789 | /usr/bin/head -c 300000 >&2; echo end >&2; exit 1"
    )
    told = describe_failure("a", result)
    assert len(told) < 350_000
    assert "100003 characters are left out" in told and told.endswith("end")


@pytest.mark.parametrize(
    ("stdout", "seconds"),
    [
        ("Exceeded user timeout of 5s after 5.3s for Validate a:b", "5"),
        ("Exceeded user timeout of 1.5s after 2s for Validate a:b", "1.5"),
    ],
)
def test_a_timeout_on_a_worker(runner: RuleRunner, stdout: str, seconds: str) -> None:
    cause = failure_cause(failing(runner, "", stdout))
    assert cause.startswith(f"it was stopped after its timeout of {seconds} seconds. Raise")
