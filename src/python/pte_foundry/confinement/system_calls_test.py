"""The refused system calls; `attacks_test.py` shows what that prevents."""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path

import pytest

from pte_foundry.confinement import system_calls
from pte_foundry.testing.canary import FILTER, LANDLOCK, PRIVILEGES, run_canary

HEADERS = ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm-generic/unistd.h")


@pytest.mark.parametrize(("column", "header"), enumerate(HEADERS), ids=["x86-64", "64-bit Arm"])
def test_numbers_are_those_of_the_kernel(column: int, header: str) -> None:
    if not Path(header).exists():
        pytest.skip("the kernel's headers are not installed")
    numbers = dict(re.findall(r"^#define __NR_(\w+)\s+(\d+)", Path(header).read_text(), re.M))
    named = {
        **system_calls._ADDRESSES,
        **system_calls._SOCKETS,
        **system_calls._REFUSED,
        "sendto": system_calls._SENDTO,
        "unshare": system_calls._UNSHARE,
        "clone": system_calls._CLONE,
        "clone3": system_calls._CLONE3,
        "seccomp": system_calls._SECCOMP,
    }
    assert {name: pair[column] for name, pair in named.items()} == {
        name: int(numbers[name]) for name in named
    }


# Call -> its error number.
CALLS = {
    "libc.syscall(41, 1, 2, 0)": 13,  # A socket for datagrams.
    "libc.syscall(41, 1, 1 | 0o2000000, 0)": 0,  # A stream, closed in programs.
    "libc.syscall(53, 1, 5, 0, pair)": 0,
    "libc.syscall(53, 1, 3, 0, pair)": 13,
    "libc.syscall(41, 16, 3, 0)": 13,  # Netlink.
    "libc.syscall(44, ours.fileno(), b'x', ctypes.c_size_t(1), 0, None, 0)": 0,
    "libc.syscall(44, ours.fileno(), b'x', ctypes.c_size_t(1), 0, pair, 2)": 13,
    "libc.syscall(44, ours.fileno(), b'x', ctypes.c_size_t(1), 0, ctypes.c_void_p(1 << 32), 0)": 13,
    "libc.syscall(272, 0x80)": 1,
    "libc.syscall(272, 0x400)": 0,  # The descriptors alone.
    "libc.syscall(435, None, ctypes.c_size_t(0))": 38,
    "libc.syscall(0x40000000 | 39)": 1,
}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux filters system calls")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="these numbers are those of x86-64")
def test_arguments_decide(tmp_path: Path) -> None:
    body = (
        "libc = ctypes.CDLL(None, use_errno=True)\nours, theirs = socket.socketpair()\n"
        f"pair = ctypes.create_string_buffer(8)\nfor code in {list(CALLS)!r}:\n"
        "    print(0 if eval(code) >= 0 else ctypes.get_errno())"
    )
    run = run_canary(tmp_path, body)
    if "filter" not in run.stderr.splitlines()[0].partition("; missing")[0]:
        pytest.skip(f"this machine does not filter system calls: {run.stderr}")
    assert dict(zip(CALLS, map(int, run.stdout.split()), strict=True)) == CALLS, run.stderr
    unfiltered = run_canary(tmp_path, body, (FILTER, LANDLOCK, PRIVILEGES))
    for code, number in zip(CALLS, map(int, unfiltered.stdout.split()), strict=True):
        if CALLS[code] not in (0, 38):
            assert number != CALLS[code], code


def test_an_unknown_machine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = type("Name", (), {"machine": "s390x"})
    monkeypatch.setattr(os, "uname", lambda: machine)
    with pytest.raises(OSError, match="no numbers of system calls for s390x"):
        system_calls.filter_system_calls()
