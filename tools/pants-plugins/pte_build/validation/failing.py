"""A test that could not even begin: a failed one like any other, so that the rest run and the summary names it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.fs import CreateDigest, Digest, FileContent
from pants.engine.process import FallibleProcessResult, Process
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.util.logging import LogLevel

# A log is too long for a command line.
_MESSAGE_FILE = "message.txt"


@dataclass(frozen=True)
class FailedTest:
    message: str


@rule
async def fail_test(request: FailedTest) -> FallibleProcessResult:
    """A process that says the message on stderr and fails: test results are made from processes only."""
    content = FileContent(_MESSAGE_FILE, f"{request.message}\n".encode())
    message = await Get(Digest, CreateDigest([content]))
    return await Get(
        FallibleProcessResult,
        Process(
            ("/bin/sh", "-c", f"/bin/cat {_MESSAGE_FILE} >&2; exit 1"),
            input_digest=message,
            description="Tell why a program could not be built",
            level=LogLevel.DEBUG,
        ),
    )


def rules() -> Iterable[Rule]:
    return collect_rules()
