"""Give up the capabilities of root, for this process and the programs that it starts."""

from __future__ import annotations

import ctypes

from pte_foundry.confinement.kernel import PR_SET_NO_NEW_PRIVS, check, libc, prctl

_PR_CAPBSET_DROP = 24  # linux/prctl.h
_VERSION_3 = 0x20080522  # linux/capability.h
_MOST_CAPABILITIES = 64


def give_up_privileges() -> None:
    """Drop every capability from every set, and gain none from set-user-ID programs.

    Without them root has no access to other users' files, nor to the memory of processes that have more.

    Raises:
        OSError: the kernel refuses it.
    """
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    for number in range(_MOST_CAPABILITIES):
        try:
            prctl(_PR_CAPBSET_DROP, number)
        except OSError:
            # There are no more, or the process may not drop them (CAP_SETPCAP). Under
            # PR_SET_NO_NEW_PRIVS, programs gain nothing anyway.
            break
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    # Effective, permitted and inheritable, for 2 times 32 capabilities. This drops the ambient ones too.
    check(libc().capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)())))
