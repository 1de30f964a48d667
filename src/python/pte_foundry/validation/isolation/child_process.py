"""A forked process that does what could crash, hang or use up all memory.

It is forked, not spawned: importing torch and ExecuTorch takes longer than most validations, and its
input need not be sent. That is safe as long as this process has no threads whose locks or pools the child
would need: torch is limited to one thread, and ExecuTorch's runtime, which has its own pool, is only used
in children. They answer with JSON and plain tensors (`pte_foundry.validation.isolation.messages`), since
the bytes may have taken over a child. While children run, this process starts no other processes, so any
unknown child was left behind by one of them, and is killed (`pte_foundry.validation.isolation.descendants`).
"""

from __future__ import annotations

import io
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO, Any

import torch
from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.records.limits import Limits
from pte_foundry.validation.isolation.descendants import (
    adopt_orphans,
    children,
    die_with,
    end_children,
)
from pte_foundry.validation.isolation.limits import (
    CRASH,
    allow_cpu,
    ending_error,
    is_out_of_memory,
    late_error,
    limit_memory,
    memory_error,
    printable,
)
from pte_foundry.validation.isolation.messages import (
    BadMessage,
    Closed,
    Message,
    TooLate,
    receive,
    send,
    tensors_of,
)

Facts = Mapping[str, object]
"""JSON that a child sends once, before it runs anything."""

Answer = tuple[object, Sequence[Tensor]]
"""JSON and tensors."""

Serve = Callable[[Sequence[Tensor]], Answer]
"""Answers one question, which may come with tensors."""

Start = Callable[[], tuple[Facts, Mapping[str, Serve]]]
"""Called in the child: facts, and a function for each question by name.

The parent raises whatever it or a `Serve` raises, as PteError.
"""

RUN = "run"
"""The question of `ChildProcess.run`."""

_LOG_BYTES = 2000
_PAUSE = 0.005
_ALIVE: set[int] = set()
"""The children of this process that are not collected yet."""


def serving_runs(run: Callable[[Sequence[Tensor]], Sequence[Tensor]]) -> dict[str, Serve]:
    """For a child that runs a program."""
    return {RUN: lambda inputs: (None, run(inputs))}


class ChildProcess:
    """A child at work, for a `with` statement, which ends it. `facts` is what it sent at the start."""

    def __init__(self, start: Start, limits: Limits) -> None:
        """Fork, and wait for the facts.

        Raises:
            PteError: what `start` raised; `exception` if that was of another class; `crash`, `time-limit`
                or `memory-limit` if the process ended.
        """
        self._limits = limits
        self._log: IO[bytes] = tempfile.TemporaryFile()
        self._connection, theirs = socket.socketpair()
        self._ended = False
        parent = os.getpid()
        adopt_orphans()
        self._others = children()
        self._pid = os.fork()
        if self._pid == 0:
            _be_the_child(start, limits, theirs, self._log.fileno(), parent)
        _ALIVE.add(self._pid)
        theirs.close()
        self.facts: Mapping[str, Any] = {}
        try:
            facts = self._answer(time.monotonic() + limits.seconds).content
            if not isinstance(facts, dict):
                raise PteError(CRASH, f"the process answered with a {type(facts).__name__}")
            self.facts = facts
        except BaseException:
            self.close()
            raise

    @property
    def ended(self) -> bool:
        """Whether it crashed or was ended, so it no longer answers."""
        return self._ended

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Have it run on the inputs; raises as `ask` does."""
        return list(self.ask(RUN, inputs).tensors)

    def ask(self, question: str, tensors: Sequence[Tensor] = ()) -> Message:
        """Have it answer one question; raises as `__init__` does, and `crash` once it has ended."""
        if self._ended:
            raise PteError(CRASH, "the process has ended on an earlier input")
        deadline = time.monotonic() + self._limits.seconds
        # If it is gone, receiving the answer says why.
        with suppress(Closed):
            try:
                send(self._connection, Message(question, tuple(tensors)), deadline)
            except TooLate:
                self._end()
                raise late_error(self._limits) from None
        return self._answer(deadline)

    def close(self) -> None:
        """End it, whatever its state."""
        if not self._ended:
            self._end()
        self._connection.close()
        self._log.close()

    def __enter__(self) -> ChildProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _answer(self, deadline: float) -> Message:
        try:
            message = receive(self._connection, self._limits.memory_mb << 20, deadline)
        except TooLate:
            self._end()
            raise late_error(self._limits) from None
        except BadMessage as error:
            self._end()
            raise PteError(CRASH, f"the process answered with {printable(str(error))}") from None
        except Closed:
            raise self._ending(deadline) from None
        content = message.content
        if isinstance(content, dict) and set(content) == {"kind", "message"}:
            raise PteError(*(printable(str(content[name])) for name in ("kind", "message")))
        return message

    def _ending(self, deadline: float) -> PteError:
        """The error for a child that has closed the connection, as it does by ending."""
        while not _has_exited(self._pid):
            if time.monotonic() > deadline:
                self._end()
                return late_error(self._limits)
            time.sleep(_PAUSE)
        return ending_error(self._end(), self._last_words(), self._limits)

    def _end(self) -> int:
        """End it and everything that it started, once; returns the status of `os.waitpid`.

        Until it is collected, no other process can get its number or that of its group.
        """
        self._ended = True
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
        _, status = os.waitpid(self._pid, 0)
        _ALIVE.discard(self._pid)
        end_children(self._others | _ALIVE)
        return status

    def _last_words(self) -> str:
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - _LOG_BYTES))
        return self._log.read().decode("utf-8", "replace")


def _has_exited(pid: int) -> bool:
    """Whether it has exited; it stays uncollected."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13: an exit takes no longer.
        time.sleep(0.1)
        return True
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _be_the_child(
    start: Start, limits: Limits, connection: socket.socket, log: int, parent: int
) -> None:
    """Serve until the parent closes the connection; never returns."""
    code = 1
    try:
        os.setpgid(0, 0)
        die_with(parent)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        # The runtime's bindings write to Python's streams, which may be files that are closed below.
        sys.stdout = sys.stderr = io.TextIOWrapper(
            io.FileIO(2, "w", closefd=False), errors="replace", write_through=True
        )
        kept = connection.fileno()
        os.closerange(3, kept)
        os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
        # Worker threads of the parent do not exist here: waiting for them would never end.
        torch.set_num_threads(1)
        limit_memory(limits)
        _serve(start, limits, connection)
        code = 0
    except Closed:
        code = 0
    finally:
        # The parent flushes and cleans up its own things.
        os._exit(code)


def _serve(start: Start, limits: Limits, connection: socket.socket) -> None:
    allow_cpu(limits)
    try:
        facts, answers = start()
        answer = Message(dict(facts))
    except Exception as error:
        send(connection, _error_message(error, limits))
        return
    while True:
        try:
            send(connection, answer)
        except BadMessage as error:
            send(connection, _error_message(error, limits))
        request = receive(connection, limits.memory_mb << 20)
        allow_cpu(limits)
        try:
            content, tensors = answers[request.content](request.tensors)
            answer = Message(content, tensors_of(tensors))
        except Exception as error:
            answer = _error_message(error, limits)


def _error_message(error: Exception, limits: Limits) -> Message:
    if isinstance(error, PteError):
        sent = error
    elif is_out_of_memory(error):
        sent = memory_error(type(error).__name__, limits)
    else:
        # Runtime errors of models and delegates have no common class.
        reason = f"{type(error).__name__}: {error}".strip()
        sent = PteError("exception", f"it ended with {reason}")
    return Message({"kind": sent.kind, "message": sent.message})
