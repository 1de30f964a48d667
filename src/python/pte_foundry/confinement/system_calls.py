"""Block the system calls (seccomp) that no export needs and no other defence stops.

Linux 4.17 and later, for any user, on x86-64 and 64-bit Arm. It applies to native code and children too
(https://docs.kernel.org/userspace-api/seccomp_filter.html).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from dataclasses import dataclass

from pte_foundry.confinement.kernel import PR_SET_NO_NEW_PRIVS, check, libc, prctl

# linux/seccomp.h. Without the flag, older kernels disable speculation, which makes torch slower.
_SECCOMP = (317, 277)
_SET_MODE_FILTER, _FLAG_SPEC_ALLOW = 1, 1 << 2
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
# struct seccomp_data: number, architecture, instruction pointer, six arguments. Both machines are little-endian.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
# linux/bpf_common.h
_LOAD, _AND = 0x20, 0x54
_IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = 0x15, 0x35, 0x45, 0x06
# Numbers from here on are those of x32, another set of calls on x86-64.
_X32 = 0x40000000

_Instruction = tuple[int, int, int, int]
"""Code, instructions to skip if true, instructions to skip if false, and a value."""


@dataclass(frozen=True)
class _Machine:
    """Its number in linux/audit.h, and its column in the pairs of numbers below (asm/unistd.h)."""

    audit: int
    column: int


_MACHINES = {"x86_64": _Machine(0xC000003E, 0), "aarch64": _Machine(0xC00000B7, 1)}

# A socket is useful only as one of a pair: none has an address, so none reaches another process by a
# file, an abstract name or the network. A pair for datagrams could send elsewhere.
_ADDRESSES = {
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
}
_SOCKETS = {"socket": (41, 198), "socketpair": (53, 199)}
_SENDTO = (44, 206)
_REFUSED = {
    # The memory and the descriptors of other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # Keys belong to a user, not to a namespace.
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # It connects, and opens, past this filter.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # Ways into the kernel.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "setns": (308, 268),
}
# In a user namespace a process has all capabilities again.
_UNSHARE, _CLONE, _CLONE3 = (272, 97), (56, 220), (435, 435)
_NAMESPACES = 0x7E020000  # CLONE_NEW* of linux/sched.h
_TIME_NAMESPACE = 0x80
_AF_UNIX, _STREAM, _SEQPACKET, _SOCKET_TYPES = 1, 1, 5, 0xF


def filter_system_calls() -> None:
    """Refuse the calls above from now on, for good.

    Raises:
        OSError: the kernel does not filter, or the machine's numbers are unknown.
    """
    machine = _MACHINES.get(os.uname().machine)
    if machine is None or sys.maxsize < 1 << 32:
        raise OSError(errno.ENOSYS, f"no numbers of system calls for {os.uname().machine}")
    program = b"".join(struct.pack("=HBBI", *each) for each in _program(machine))
    code = ctypes.create_string_buffer(program, len(program))
    head = _Program(len(program) // 8, ctypes.addressof(code))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    number = _SECCOMP[machine.column]
    flags = ctypes.c_ulong(_FLAG_SPEC_ALLOW)
    check(libc().syscall(number, ctypes.c_ulong(_SET_MODE_FILTER), flags, ctypes.byref(head)))


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _program(machine: _Machine) -> list[_Instruction]:
    denied, forbidden = _error(errno.EACCES), _error(errno.EPERM)
    # Another architecture has different numbers: a 32-bit program may call nothing.
    code = [(_LOAD, 0, 0, _ARCHITECTURE), (_IF_EQUAL, 1, 0, machine.audit), forbidden]
    code += [(_LOAD, 0, 0, _NUMBER), (_IF_AT_LEAST, 0, 1, _X32), forbidden]

    def rule(numbers: tuple[int, int], *does: _Instruction) -> None:
        code.append((_IF_EQUAL, 0, len(does), numbers[machine.column]))
        code.extend(does)

    for numbers in _ADDRESSES.values():
        rule(numbers, denied)
    for numbers in _SOCKETS.values():
        rule(
            numbers,
            _argument(0),
            (_IF_EQUAL, 0, 4, _AF_UNIX),
            _argument(1),
            (_AND, 0, 0, _SOCKET_TYPES),
            (_IF_EQUAL, 2, 0, _STREAM),
            (_IF_EQUAL, 1, 0, _SEQPACKET),
            denied,
            _allowed(),
        )
    # `send` is a `sendto` without an address.
    rule(
        _SENDTO,
        _argument(4),
        (_IF_EQUAL, 0, 2, 0),
        _argument(4, upper=True),
        (_IF_EQUAL, 1, 0, 0),
        denied,
        _allowed(),
    )
    for numbers in _REFUSED.values():
        rule(numbers, forbidden)
    for numbers, flags in ((_CLONE, _NAMESPACES), (_UNSHARE, _NAMESPACES | _TIME_NAMESPACE)):
        rule(numbers, _argument(0), (_IF_ANY_BIT, 0, 1, flags), forbidden, _allowed())
    # Its flags are in memory, which no filter can read. C libraries fall back to `clone`.
    rule(_CLONE3, _error(errno.ENOSYS))
    return [*code, _allowed()]


def _argument(index: int, upper: bool = False) -> _Instruction:
    return _LOAD, 0, 0, _ARGUMENTS + 8 * index + (4 if upper else 0)


def _error(number: int) -> _Instruction:
    return _RETURN, 0, 0, _ERROR | number


def _allowed() -> _Instruction:
    return _RETURN, 0, 0, _ALLOW
