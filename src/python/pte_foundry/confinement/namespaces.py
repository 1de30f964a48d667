"""Namespaces of its own for a process and its children: no network but a loopback that is down."""

from __future__ import annotations

import os
import socket

from pte_foundry.confinement.kernel import check, libc
from pte_foundry.confinement.user_namespace import enter_user_namespace

_CLONE_NEWNS = 0x00020000  # linux/sched.h
_CLONE_NEWUTS = 0x04000000
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWPID = 0x20000000
_CLONE_NEWNET = 0x40000000
_ALL = _CLONE_NEWNET | _CLONE_NEWUTS | _CLONE_NEWNS | _CLONE_NEWIPC | _CLONE_NEWPID
_HOST_NAME = "localhost"


def enter_namespaces() -> None:
    """Leave the network, for good, and take a constant for the host's name.

    `make_inputs_read_only` and `enter_own_tree` need the mount namespace that this enters as well, and
    `become_first_process` the PID namespace that it makes for children. What processes of one user share
    by number, as System V's memory, is left behind too.

    An ordinary user needs a user namespace for it, in which user and group keep their numbers.

    Raises:
        OSError: where the system does not allow it; then nothing has changed.
    """
    try:
        _leave()
    except PermissionError:
        # Entering a user namespace cannot be undone where what comes next fails, as some systems
        # (AppArmor's restriction of user namespaces) have it: a child tries it first.
        _try_in_a_child()
        _leave_as_user()


def _leave() -> None:
    check(libc().unshare(_ALL))
    socket.sethostname(_HOST_NAME)


def _leave_as_user() -> None:
    enter_user_namespace(os.geteuid(), os.getegid())
    _leave()


def _try_in_a_child() -> None:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _leave_as_user()
            code = 0
        except OSError as error:
            code = error.errno or 1
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if status != 0:
        number = os.waitstatus_to_exitcode(status)
        raise OSError(number, f"no user namespace: {os.strerror(abs(number))}")
