"""What a confined process could try to do outside of its sandbox; for tests, and for what documentation promises."""

from __future__ import annotations

from dataclasses import dataclass

from pte_foundry.testing.canary import (
    DESCRIPTORS,
    FILTER,
    LANDLOCK,
    NAMESPACES,
    OWN_TREE,
    PRIVILEGES,
)


@dataclass(frozen=True)
class Attack:
    """An attempt.

    Attributes:
        code: an expression, true if it succeeds. SCRIPT evaluates it with names of what is attacked.
        refused_by: defences that refuse it, each without the others.
        needs: what a machine must have for it to succeed without any.
    """

    code: str
    refused_by: tuple[str, ...]
    needs: str = ""


ROOT = "root"
# Versions that refuse more.
LANDLOCK_4, LANDLOCK_6 = f"{LANDLOCK} 4", f"{LANDLOCK} 6"
# With CAP_PERFMON, root reads past Landlock.
LANDLOCK_AND_PRIVILEGES = f"{LANDLOCK}+{PRIVILEGES}"
MODULES = "modules"
NUMBERS = "x86_64"  # The system calls' numbers below.
# Needs `ATTACKS`, names to codes. Each runs in a child, because some change the process for good.
SCRIPT = """
libc = ctypes.CDLL(None, use_errno=True)
def system_call(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if number == 56 and result == 0:
        os._exit(0)  # The clone.
    return True
def connected(kind, address):
    socket.socket(kind, socket.SOCK_STREAM).connect(address)
    return True
def sent(kind, address):
    ours = socket.socketpair(kind, socket.SOCK_DGRAM)[0] if kind == socket.AF_UNIX else None
    (ours or socket.socket(kind, socket.SOCK_DGRAM)).sendto(b"x", address)
    return True
def written_through(link):
    os.symlink(OUTSIDE, link)
    return open(link, "a").write("x")
def error_of(number, *arguments):
    try:
        return system_call(number, *arguments)
    except OSError as error:
        return error.errno
def outcome(attack):
    try:
        return "done" if attack() else "refused"
    except OSError as error:
        return type(error).__name__
outcomes = {}
for name, code in ATTACKS.items():
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, outcome(lambda: eval(code)).encode())
        os._exit(0)
    os.close(writing)
    outcomes[name] = os.fdopen(reading).read()
print(json.dumps(outcomes))
"""
ATTACKS = {
    # Other processes.
    "environment": Attack(
        "b'of-the-victim' in open(f'/proc/{VICTIM}/environ', 'rb').read()",
        (OWN_TREE, LANDLOCK_AND_PRIVILEGES),
    ),
    "environment of root": Attack(
        "b'of-the-victim' in open(f'/proc/{VICTIM}/environ', 'rb').read()", (PRIVILEGES,), ROOT
    ),
    "command line": Attack("open(f'/proc/{VICTIM}/cmdline').read()", (OWN_TREE,)),
    "memory": Attack("open(f'/proc/{VICTIM}/mem', 'rb')", (OWN_TREE, LANDLOCK)),
    "descriptors": Attack("os.readlink(f'/proc/{VICTIM}/fd/0')", (OWN_TREE, LANDLOCK)),
    "ptrace": Attack(
        "system_call(101, 0x4206, VICTIM, 0, 0)", (NAMESPACES, LANDLOCK, FILTER), NUMBERS
    ),
    "signal": Attack("os.kill(VICTIM, 0) is None", (NAMESPACES, LANDLOCK_6)),
    "priority": Attack(
        "os.setpriority(os.PRIO_PROCESS, VICTIM, os.getpriority(os.PRIO_PROCESS, VICTIM)) is None",
        (NAMESPACES,),
    ),
    "shared memory": Attack("libc.shmget(SHARED_MEMORY, 0, 0) >= 0", (NAMESPACES,)),
    "inherited descriptor": Attack("os.fstat(DESCRIPTOR)", (DESCRIPTORS,)),
    # Files outside.
    "mode": Attack("os.chmod(OUTSIDE, 0o777) is None", (OWN_TREE,)),
    "owner": Attack("os.chown(OUTSIDE, os.getuid(), os.getgid()) is None", (OWN_TREE,)),
    "another owner": Attack("os.chown(OUTSIDE, 4321, 4321) is None", (OWN_TREE, PRIVILEGES), ROOT),
    "times": Attack("os.utime(OUTSIDE, (1, 1)) is None", (OWN_TREE,)),
    "attributes": Attack("os.setxattr(OUTSIDE, 'user.x', b'1') is None", (OWN_TREE,)),
    "existence": Attack("os.stat(OUTSIDE)", (OWN_TREE,)),
    "hard link": Attack("os.link(OUTSIDE, 'hard') is None", (OWN_TREE, LANDLOCK)),
    "symbolic link": Attack("written_through('soft')", (OWN_TREE, LANDLOCK)),
    "mode through a link": Attack("os.chmod('planted', 0o777) is None", (OWN_TREE,)),
    "temporary files": Attack("open(OF_TMP).read() is not None", (OWN_TREE, LANDLOCK)),
    "run": Attack("set(os.listdir('/run')) == RUN", (OWN_TREE, LANDLOCK)),
    "home": Attack("set(os.listdir(HOME)) == OF_HOME", (OWN_TREE, LANDLOCK)),
    "kernel setting": Attack(
        "os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY)", (OWN_TREE, LANDLOCK), ROOT
    ),
    "device": Attack("os.mknod('disk', 0o60600, 0x800) is None", (PRIVILEGES, LANDLOCK), ROOT),
    # Sockets.
    "unix socket": Attack("connected(socket.AF_UNIX, SOCKET)", (OWN_TREE, FILTER)),
    "unix datagram": Attack("sent(socket.AF_UNIX, DATAGRAMS)", (OWN_TREE, FILTER)),
    "abstract socket": Attack(
        "connected(socket.AF_UNIX, ABSTRACT)", (NAMESPACES, FILTER, LANDLOCK_6)
    ),
    "TCP": Attack(
        "connected(socket.AF_INET, ('127.0.0.1', PORT))", (NAMESPACES, FILTER, LANDLOCK_4)
    ),
    "UDP": Attack("sent(socket.AF_INET, ('127.0.0.1', 9))", (NAMESPACES, FILTER)),
    # More rights.
    "user": Attack("os.setuid(4322) is None", (PRIVILEGES,), ROOT),
    "programs that change the user": Attack(
        "b'NoNewPrivs:\\t0' in subprocess.run(['cat', '/proc/self/status'], capture_output=True).stdout",
        (LANDLOCK, PRIVILEGES, FILTER),
    ),
    "mount": Attack(
        "libc.mount(b'tmpfs', b'folder', b'tmpfs', 0, None) == libc.umount2(b'folder', 0) == 0",
        (LANDLOCK, PRIVILEGES),
        ROOT,
    ),
    # Of a descriptor that does not exist: EBADF is past the check of rights.
    "module": Attack(
        "error_of(313, -1, b'', 0) == 9", (PRIVILEGES,), f"{ROOT} {NUMBERS} {MODULES}"
    ),
    "root folder": Attack("os.chroot('folder') is None", (PRIVILEGES,), ROOT),
    "namespace": Attack("system_call(272, 0x10000000)", (FILTER,), NUMBERS),
    "namespace, by clone": Attack("system_call(56, 0x10000011, 0, 0, 0, 0)", (FILTER,), NUMBERS),
    "keyring": Attack("system_call(250, 0, -4, 1)", (FILTER,), NUMBERS),
    "io_uring": Attack("system_call(425, 1, bytes(120))", (FILTER,), NUMBERS),
}
