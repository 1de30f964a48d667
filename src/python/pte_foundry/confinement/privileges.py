"""Give up what root may do beyond other users; no program that is started gets it back."""

from __future__ import annotations

import ctypes

from pte_foundry.confinement.kernel import PR_SET_NO_NEW_PRIVS, check, libc, prctl

_PR_CAPBSET_DROP = 24  # linux/prctl.h
_VERSION_3 = 0x20080522  # linux/capability.h
_MOST_CAPABILITIES = 64


def give_up_privileges() -> None:
    """Have no capability from now on, in any set, nor get one from a program that changes the user.

    Without them, what belongs to other users is as closed to root as to anybody, and so is the memory
    of a process that has more.

    Raises:
        OSError: if the kernel refuses it.
    """
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    for number in range(_MOST_CAPABILITIES):
        try:
            prctl(_PR_CAPBSET_DROP, number)
        except OSError:
            # The kernel has no more, or the process may not (CAP_SETPCAP). With PR_SET_NO_NEW_PRIVS
            # a program gets no more than this process has anyway.
            break
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    # Effective, permitted and inheritable, for 2 times 32 capabilities. The ambient ones go with them.
    check(libc().capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)())))
