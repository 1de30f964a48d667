"""A PID namespace: a process sees and signals only those that it starts.

The process that Pants started, the *launcher*, stays outside and waits. The *first process* of the
namespace collects orphans; the kernel ends all others with it. The *worker* does the work: the first
process would survive signals that end any other process, such as an abort's.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import struct
from contextlib import suppress

from pte_foundry.confinement.kernel import PR_SET_PDEATHSIG, prctl

_STATUS = struct.Struct("=i")


def become_first_process() -> int:
    """Continue in the first process of the namespace that this one has made for its children.

    This one never returns: it ends with the worker's exit code or signal, and if it is killed, so is
    everything in the namespace.

    Returns:
        A descriptor for `become_worker`.
    """
    reading, writing = os.pipe()
    first = os.fork()
    if first != 0:
        os.close(writing)
        _end_like(first, reading)
    os.close(reading)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if _has_no_reader(writing):
        os._exit(1)  # The launcher has already been killed.
    return writing


def become_worker(status: int) -> None:
    """Continue in a second process, in a new session; the first one never returns.

    Args:
        status: what `become_first_process` returned.
    """
    worker = os.fork()
    if worker == 0:
        os.close(status)
        # Process groups and terminals reach across namespaces.
        os.setsid()
        return
    # With Python's handler, the worker could interrupt this process.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    while True:
        ended, how = os.wait()
        if ended == worker:
            os.write(status, _STATUS.pack(how))
            os._exit(0)


def _end_like(first: int, reading: int) -> None:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    _, status = os.waitpid(first, 0)
    reported = os.read(reading, _STATUS.size)
    if reported:
        (status,) = _STATUS.unpack(reported)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(OSError):  # SIGKILL has no handler.
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _has_no_reader(pipe: int) -> bool:
    poll = select.poll()
    poll.register(pipe, 0)
    return bool(poll.poll(0))
