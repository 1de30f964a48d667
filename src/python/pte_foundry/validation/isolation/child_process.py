"""A forked process that does what could crash, hang or ask for all memory.

It is forked and not started anew: importing torch and ExecuTorch takes longer than most validations,
and what it works on need not be sent. That is safe as long as this process has no threads whose locks
or pools the child would need: torch is held to one thread, and ExecuTorch's runtime, which has a pool
of its own, is only ever used in children. What comes back is JSON and plain tensors
(`pte_foundry.validation.isolation.messages`), since the child may have been taken over by the bytes.
"""

from __future__ import annotations

import ctypes
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
from pte_foundry.validation.isolation.endings import (
    CRASH,
    ending_error,
    is_out_of_memory,
    late_error,
    memory_error,
)
from pte_foundry.validation.isolation.limits import Limits, allow_cpu, limit_memory
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
"""JSON that a child tells once, before it runs anything."""

Run = Callable[[Sequence[Tensor]], Sequence[Tensor]]

Start = Callable[[], tuple[Facts, Run]]
"""Called in the child. What it or `Run` raises is raised in the parent, as PteError."""

_LOG_BYTES = 2000
_PAUSE = 0.005
_KILL_ON_PARENTS_DEATH = 1  # PR_SET_PDEATHSIG of linux/prctl.h


def run_nothing(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
    """The `Run` of a child that has only facts to tell."""
    return ()


class ChildProcess:
    """A child at work, to be used in a `with` statement, which ends it.

    Attributes:
        facts: what it told at the start.
    """

    def __init__(self, start: Start, limits: Limits) -> None:
        """Fork, and wait for the facts.

        Raises:
            PteError: what `start` raised; `exception` for another class; `crash`, `time-limit` or
                `memory-limit` if the process ended.
        """
        self._limits = limits
        self._log: IO[bytes] = tempfile.TemporaryFile()
        self._connection, theirs = socket.socketpair()
        self._ended = False
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            _be_the_child(start, limits, theirs, self._log.fileno(), parent)
        theirs.close()
        self.facts: Mapping[str, Any] = {}
        try:
            self.facts = self._answer(time.monotonic() + limits.seconds).content
        except BaseException:
            self.close()
            raise

    @property
    def ended(self) -> bool:
        """Whether it has crashed or was ended; it answers no more."""
        return self._ended

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Have it run on the inputs; raises as `__init__` does, and `crash` once it has ended."""
        if self._ended:
            raise PteError(CRASH, "the process has ended on an earlier input")
        deadline = time.monotonic() + self._limits.seconds
        # Where it has gone, receiving says how.
        with suppress(Closed):
            try:
                send(self._connection, Message("run", tuple(inputs)), deadline)
            except TooLate:
                self._end()
                raise late_error(self._limits) from None
        return list(self._answer(deadline).tensors)

    def close(self) -> None:
        """End it, however it is."""
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
            raise PteError(CRASH, f"the process answered with {error}") from None
        except Closed:
            raise self._ending(deadline) from None
        content = message.content
        if isinstance(content, dict) and set(content) == {"kind", "message"}:
            raise PteError(str(content["kind"]), str(content["message"]))
        return message

    def _ending(self, deadline: float) -> PteError:
        """The error for a child that has closed the connection, as it does by ending."""
        while True:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._has_ended()
                return ending_error(status, self._last_words(), self._limits)
            if time.monotonic() > deadline:
                self._end()
                return late_error(self._limits)
            time.sleep(_PAUSE)

    def _end(self) -> None:
        if not self._ended:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._has_ended()

    def _has_ended(self) -> None:
        self._ended = True
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)  # What it has started.

    def _last_words(self) -> str:
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - _LOG_BYTES))
        return self._log.read().decode("utf-8", "replace")


def _be_the_child(
    start: Start, limits: Limits, connection: socket.socket, log: int, parent: int
) -> None:
    """Serve until the parent closes the connection; never returns."""
    code = 1
    try:
        os.setpgid(0, 0)
        _die_with(parent)
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
        # The workers of a parent that had more have not come along: waiting for them would be for ever.
        torch.set_num_threads(1)
        limit_memory(limits)
        _serve(start, limits, connection)
        code = 0
    except Closed:
        code = 0
    finally:
        # Nothing of the parent's is to be flushed or cleaned up here.
        os._exit(code)


def _serve(start: Start, limits: Limits, connection: socket.socket) -> None:
    allow_cpu(limits)
    try:
        facts, run = start()
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
            answer = Message(None, tensors_of(run(request.tensors)))
        except Exception as error:
            answer = _error_message(error, limits)


def _error_message(error: Exception, limits: Limits) -> Message:
    if isinstance(error, PteError):
        told = error
    elif is_out_of_memory(error):
        told = memory_error(type(error).__name__, limits)
    else:
        # Runtime errors of models and delegates have no common class.
        reason = f"{type(error).__name__}: {error}".strip()
        told = PteError("exception", f"it ended with {reason}")
    return Message({"kind": told.kind, "message": told.message})


def _die_with(parent: int) -> None:
    """Be killed when the parent is. Elsewhere than on Linux the limit of CPU time has to do."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_KILL_ON_PARENTS_DEATH, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
