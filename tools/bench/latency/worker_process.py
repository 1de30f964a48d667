"""The benchmark's end of `bench.latency.worker` and `bench.latency.prepare`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workspace.child import end_of_log, how_it_ended
from workspace.errors import ToolError
from workspace.sandbox_python import SandboxPython


def prepare(python: SandboxPython, module: str = "bench.latency.prepare") -> None:
    """Write what the workers of one program read. Raises ToolError with the end of its output."""
    log = python.folder / "latency_prepare.log"
    with log.open("w", encoding="utf-8") as file:
        code = python.start(module, stdin=subprocess.DEVNULL, stdout=file, log=file).wait()
    if code != 0:
        raise _failed(module, code, log)


@dataclass(frozen=True)
class Worker:
    """A process that holds one runtime, ready to be timed."""

    what: str
    process: subprocess.Popen[str]
    log: Path

    def time(self, warm_up: int, timed: int) -> list[float]:
        """Seconds of each timed inference. Raises ToolError if the process has ended."""
        answer = self._ask(f"{warm_up} {timed}\n")
        if not isinstance(answer, list) or len(answer) != timed:
            raise ToolError(f"{self.what} answered {answer!r} instead of {timed} times")
        return [float(seconds) for seconds in answer]

    def wait_until_ready(self) -> None:
        """Raises ToolError if the process ends first."""
        if self._ask("") != {"ready": True}:
            raise ToolError(f"{self.what} did not say that it is ready")

    def _ask(self, question: str) -> object:
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(question)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # its exit code and its log say more
        line = self.process.stdout.readline()
        if not line:
            raise _failed(self.what, self.process.wait(), self.log)
        answer: object = json.loads(line)
        return answer


@contextmanager
def running_worker(
    python: SandboxPython, runtime: str, threads: int, module: str = "bench.latency.worker"
) -> Iterator[Worker]:
    """A worker that is ready; ended at the end of the block."""
    log = python.folder / f"latency_{runtime}_{threads}.log"
    with log.open("w", encoding="utf-8") as file:
        process = python.start(
            module, runtime, str(threads), stdin=subprocess.PIPE, stdout=subprocess.PIPE, log=file
        )
    try:
        worker = Worker(f"the process of {runtime} with {threads} threads", process, log)
        worker.wait_until_ready()
        yield worker
    finally:
        process.kill()
        process.communicate()


def _failed(what: str, code: int, log: Path) -> ToolError:
    return ToolError(f"{what} {how_it_ended(code)}. The end of its output:\n{end_of_log(log)}")
