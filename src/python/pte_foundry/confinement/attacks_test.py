"""Attempts of a confined process to leave its sandbox, and the defences that stop each of them alone.

Without any defence each attempt succeeds; otherwise it would prove nothing.
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
from pathlib import Path
from typing import Any

import pytest

from pte_foundry.confinement.landlock import landlock_version
from pte_foundry.confinement.namespaces import enter_user_namespace
from pte_foundry.testing.canary import (
    ALL,
    FILTER,
    GUARD,
    LANDLOCK,
    NAMESPACES,
    OWN_TREE,
    PRIVILEGES,
    run_canary,
)
from pte_foundry.testing.hostile.confinement_attacks import ATTACKS, MODULES, NUMBERS, ROOT, SCRIPT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the defences")


# Their names in the first line of the log.
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
            (sandbox / "attack.py").write_text(f"{given}ATTACKS = {codes!r}\n{SCRIPT}")
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
    """The targets of the attacks, by their names in the code."""
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
