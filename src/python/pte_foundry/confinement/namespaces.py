"""New namespaces for a process and its children: no network but a loopback that is down."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from pte_foundry.confinement.kernel import check, libc

_CLONE_NEWNS = 0x00020000  # linux/sched.h
_CLONE_NEWUTS = 0x04000000
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWPID = 0x20000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_ALL = _CLONE_NEWNET | _CLONE_NEWUTS | _CLONE_NEWNS | _CLONE_NEWIPC | _CLONE_NEWPID
_HOST_NAME = "localhost"


def enter_namespaces() -> None:
    """Leave the network for good, and get a constant host name.

    `make_inputs_read_only` and `enter_own_tree` need the mount namespace that this enters,
    `become_first_process` the PID namespace that it makes for children. System V's IPC is left behind too.

    An ordinary user needs a user namespace for this, in which user and group keep their numbers.

    Raises:
        OSError: the system does not allow it; nothing has changed.
    """
    try:
        _leave()
    except PermissionError:
        # Entering a user namespace cannot be undone if the next step fails, as under AppArmor's
        # restriction of user namespaces: a child tries it first.
        _try_in_a_child()
        _leave_as_user()


def enter_user_namespace(user: int, group: int) -> None:
    """Enter a user namespace with these ids, where a process may make further namespaces.

    Files of the present user and group remain its own.

    Raises:
        OSError: the system does not allow it. The process may be in the namespace without ids, and should end.
    """
    outside = {"uid_map": (user, os.geteuid()), "gid_map": (group, os.getegid())}
    check(libc().unshare(_CLONE_NEWUSER))
    # Mapping groups without privileges requires giving up setgroups (user_namespaces(7)).
    _write("setgroups", "deny")
    for name, (there, here) in outside.items():
        _write(name, f"{there} {here} 1")


def _write(name: str, content: str) -> None:
    Path("/proc/self", name).write_text(content, encoding="ascii")


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
