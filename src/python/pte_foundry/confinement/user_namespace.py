"""A user namespace: in there a process may make further namespaces, and has the user id that it likes."""

from __future__ import annotations

import os
from pathlib import Path

from pte_foundry.confinement.kernel import check, libc

_CLONE_NEWUSER = 0x10000000  # linux/sched.h


def enter_user_namespace(user: int, group: int) -> None:
    """From now on have these ids; files of the present user and group remain its own.

    Raises:
        OSError: where the system does not allow it. The process may be in the namespace all the same,
            without ids, and should end.
    """
    outside = {"uid_map": (user, os.geteuid()), "gid_map": (group, os.getegid())}
    check(libc().unshare(_CLONE_NEWUSER))
    # Only who gives up changing groups may map them without privileges (user_namespaces(7)).
    _write("setgroups", "deny")
    for name, (there, here) in outside.items():
        _write(name, f"{there} {here} 1")


def _write(name: str, content: str) -> None:
    Path("/proc/self", name).write_text(content, encoding="ascii")
