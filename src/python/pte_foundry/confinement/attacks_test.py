"""What a confined process tries to do outside of its sandbox, and which defences refuse it, each alone.

Without any defence each attempt succeeds, or it would show nothing.
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import platform
import pwd
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pte_foundry.confinement.canary import (
    ALL,
    DESCRIPTORS,
    FILTER,
    GUARD,
    LANDLOCK,
    NAMESPACES,
    OWN_TREE,
    PRIVILEGES,
    run_canary,
)
from pte_foundry.confinement.landlock import landlock_version
from pte_foundry.confinement.user_namespace import enter_user_namespace

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the defences")


@dataclass(frozen=True)
class Attack:
    """`code` is an expression, true if it succeeds; `needs` is what the machine must have for that."""

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
ATTACK = """
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
# How the first line of the log calls them.
TOLD = {
    NAMESPACES: "namespaces",
    OWN_TREE: "own tree",
    LANDLOCK: "Landlock",
    PRIVILEGES: "privileges",
    FILTER: "filter",
}
NONE, EVERY, ORDINARY_USER = "none", "all", "all, for an ordinary user"
Outcomes = Callable[[str], dict[str, str]]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """How the attacks end with one defence alone, NONE, EVERY, or for an ORDINARY_USER."""
    folder = tmp_path_factory.mktemp("machine")
    with _machine(folder) as names:

        @functools.cache
        def run(defence: str) -> dict[str, str]:
            sandbox = tmp_path_factory.mktemp("sandbox")
            (sandbox / "folder").mkdir()
            (sandbox / "planted").symlink_to(folder / "outside")
            codes = {name: attack.code for name, attack in ATTACKS.items() if _has(attack.needs)}
            given = "".join(f"{name} = {value!r}\n" for name, value in names.items())
            (sandbox / "attack.py").write_text(f"{given}ATTACKS = {codes!r}\n{ATTACK}")
            kept = {
                NONE: (),
                EVERY: ALL,
                ORDINARY_USER: ALL,
                OWN_TREE: (OWN_TREE, NAMESPACES),
            }.get(defence, defence.partition(" ")[0].split("+"))
            ended = run_canary(
                sandbox,
                "exec(open('attack.py').read(), dict(globals()))",
                # The guard is for Python's own sockets, with a message.
                [name for name in ALL if name not in kept or name == GUARD],
                (lambda: enter_user_namespace(4321, 1234)) if defence == ORDINARY_USER else None,
                [names["DESCRIPTOR"]],
            )
            assert ended.returncode == 0, ended.stderr
            log = ended.stderr.splitlines()[0]
            if any(f" {TOLD[name]} (" in log for name in kept if name in TOLD):
                pytest.skip(f"this machine does not allow it: {log}")
            return dict(json.loads(ended.stdout))

        yield run


@contextmanager
def _machine(folder: Path) -> Iterator[dict[str, Any]]:
    """What the attacks are after, by its name in their code."""
    (folder / "outside").write_text("of the machine")
    home = pwd.getpwuid(os.getuid()).pw_dir
    home = home if os.path.isdir(home) else "/"
    abstract = f"\0{secrets.token_hex(8)}"
    libc = ctypes.CDLL(None)
    with ExitStack() as stack:
        for kind, address in (
            (socket.SOCK_STREAM, str(folder / "stream")),
            (socket.SOCK_STREAM, abstract),
            (socket.SOCK_DGRAM, str(folder / "datagrams")),
        ):
            server = stack.enter_context(socket.socket(socket.AF_UNIX, kind))
            server.bind(address)
            if kind == socket.SOCK_STREAM:
                server.listen()
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        temporary = stack.enter_context(tempfile.NamedTemporaryFile(dir="/tmp"))
        victim = stack.enter_context(
            subprocess.Popen(["sleep", "600"], env={**os.environ, "A_SECRET": "of-the-victim"})
        )
        stack.callback(victim.kill)
        key = secrets.randbelow(1 << 30) + 1
        memory = libc.shmget(key, 4096, 0o1600)  # IPC_CREAT
        stack.callback(lambda: libc.shmctl(memory, 0, None))  # IPC_RMID
        yield {
            "ABSTRACT": abstract,
            "DATAGRAMS": str(folder / "datagrams"),
            "DESCRIPTOR": temporary.fileno(),
            "HOME": home,
            "OF_HOME": set(os.listdir(home)),
            "OF_TMP": temporary.name,
            "OUTSIDE": str(folder / "outside"),
            "PORT": tcp.getsockname()[1],
            "RUN": set(os.listdir("/run")),
            "SHARED_MEMORY": key,
            "SOCKET": str(folder / "stream"),
            "VICTIM": victim.pid,
        }


def _has(needs: str) -> bool:
    return (
        (ROOT not in needs or os.geteuid() == 0)
        and (NUMBERS not in needs or platform.machine() == NUMBERS)
        and (MODULES not in needs or os.path.exists("/proc/modules"))
    )


def _outcome(outcomes: Outcomes, defence: str, name: str) -> str:
    needs = ATTACKS[name].needs
    if not _has(needs):
        pytest.skip(f"for {needs} alone")
    return outcomes(defence)[name]


@pytest.mark.parametrize("name", ATTACKS)
def test_without_defences_an_attack_succeeds(outcomes: Outcomes, name: str) -> None:
    assert _outcome(outcomes, NONE, name) == "done"


@pytest.mark.parametrize(
    ("name", "defence"),
    [(name, defence) for name, attack in ATTACKS.items() for defence in attack.refused_by],
)
def test_one_defence_is_enough(outcomes: Outcomes, name: str, defence: str) -> None:
    _, _, version = defence.partition(" ")
    if version and _landlock() < int(version):
        pytest.skip(f"this machine's Landlock is older than {version}")
    assert _outcome(outcomes, defence, name) not in ("done", "")


@pytest.mark.parametrize("who", [EVERY, ORDINARY_USER])
@pytest.mark.parametrize("name", ATTACKS)
def test_all_defences_work_together(outcomes: Outcomes, name: str, who: str) -> None:
    assert _outcome(outcomes, who, name) not in ("done", "")


def _landlock() -> int:
    try:
        return landlock_version()
    except OSError:
        return 0
