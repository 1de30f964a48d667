"""A confined process does not reach a server on this machine, which an ordinary process reaches."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pte_foundry.confinement.landlock import landlock_version
from pte_foundry.confinement.namespaces import enter_user_namespace
from pte_foundry.testing.canary import FILTER, LANDLOCK, NAMESPACES, PRIVILEGES, run_canary

CONNECT = "import socket; socket.create_connection(('127.0.0.1', {port}), 5); print('reached')"
KERNEL_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")


@pytest.fixture()
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("without", [(), (NAMESPACES, LANDLOCK)], ids=["usual", "guard only"])
def test_code_in_python_is_told_what_to_do(
    tmp_path: Path, port: int, without: tuple[str, ...]
) -> None:
    attempts = {
        f"socket.create_connection(('127.0.0.1', {port}))": "getaddrinfo 127.0.0.1",
        "socket.socket()": "a socket of the family AF_INET",
        "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)": "a socket of the family AF_INET6",
        "socket.getaddrinfo('example.org', 443)": "getaddrinfo example.org",
        "socket.gethostbyname('example.org')": "gethostbyname example.org",
        "socket.socket(socket.AF_UNIX).connect('/run/docker.sock')": "connect /run/docker.sock",
        "import urllib.request; urllib.request.urlopen('http://example.org')": "example.org",
        "import _socket; _socket.socket(socket.AF_INET)": "a socket of the family AF_INET",
    }
    body = (
        f"for code in {list(attempts)!r}:\n    try:\n        exec(code, dict(globals()))\n"
        "    except Exception as error:\n        print(type(error).__name__, error)\n"
        "    else:\n        print('no error')"
    )
    run = run_canary(tmp_path, body, without)
    for line, told in zip(run.stdout.splitlines(), attempts.values(), strict=True):
        assert line.startswith("PteError network-access: the code asked for the network"), line
        assert told in line and "Declare what it needs" in line


def test_two_processes_of_one_export_may_talk(tmp_path: Path) -> None:
    body = "first, second = socket.socketpair()\nfirst.sendall(b'x')\nassert second.recv(1) == b'x'"
    run = run_canary(tmp_path, body)
    assert run.returncode == 0, run.stderr


@KERNEL_ONLY
@pytest.mark.parametrize(
    ("without", "missing", "error"),
    [
        ((), "filter", "Permission denied"),
        ((FILTER, LANDLOCK), "namespaces", "Network is unreachable"),
        ((FILTER, NAMESPACES), "Landlock", "Permission denied"),
        ((LANDLOCK, NAMESPACES), "filter", "Permission denied"),
    ],
    ids=["usual", "namespace", "Landlock", "filter"],
)
def test_programs_reach_nothing_where_the_kernel_helps(
    tmp_path: Path, port: int, without: tuple[str, ...], missing: str, error: str
) -> None:
    program = CONNECT.format(port=port)
    ordinary = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ordinary.stdout == "reached\n", ordinary.stderr
    run = run_canary(tmp_path, f"subprocess.run([sys.executable, '-c', {program!r}])", without)
    if f" {missing} (" in run.stderr.splitlines()[0]:
        pytest.skip(f"this machine does not allow it: {run.stderr.splitlines()[0]}")
    if missing == "Landlock" and landlock_version() < 4:
        pytest.skip("this machine's Landlock refuses no TCP")
    assert run.stdout == "" and run.returncode == 0, run.stderr
    assert error in run.stderr


@KERNEL_ONLY
def test_the_host_name_is_hidden(tmp_path: Path) -> None:
    run = run_canary(tmp_path, "print(socket.gethostname())")
    if "network: namespace" not in run.stderr:
        pytest.skip(f"this machine allows no namespace: {run.stderr}")
    assert run.stdout == "localhost\n"


def test_stderr_says_what_is_in_force(tmp_path: Path) -> None:
    run = run_canary(tmp_path, "pass", (NAMESPACES, LANDLOCK, PRIVILEGES, FILTER))
    assert (run.returncode, run.stdout) == (0, "")
    refused = "(Operation not permitted)"
    assert run.stderr == (
        "confinement: network: guard only; inputs: writable; files: not confined; processes: all are visible; "
        f"privileges: kept; missing: namespaces {refused}, Landlock {refused}, privileges {refused}, "
        f"filter {refused}\n"
    )
    assert list(tmp_path.iterdir()) == []


@KERNEL_ONLY
def test_earlier_threads_would_not_be_confined(tmp_path: Path) -> None:
    # `action` confines once more, with a second thread.
    body = (
        "import threading\nend = threading.Event()\nthreading.Thread(target=end.wait).start()\n"
        "confined.confined(lambda: 0)\nend.set()"
    )
    run = run_canary(tmp_path, body, (LANDLOCK,))
    assert run.returncode == 0, run.stderr
    assert "guard only (the process has several threads already)" in run.stderr.splitlines()[1]


@KERNEL_ONLY
def test_an_ordinary_user_is_confined_too_and_keeps_user_and_group(tmp_path: Path) -> None:
    body = "print(os.getuid(), os.getgid(), open('/proc/net/dev').read().count(':'))"
    # An ordinary user loses all capabilities when a program is started.
    run = run_canary(tmp_path, body, before=lambda: enter_user_namespace(4321, 1234))
    if "network: namespace, filter and guard; inputs: read-only" not in run.stderr:
        pytest.skip(f"this machine allows ordinary users no namespaces: {run.stderr}")
    assert run.stdout == "4321 1234 1\n"


@KERNEL_ONLY
def test_user_and_group_stay_the_same_without_a_namespace(tmp_path: Path) -> None:
    def no_namespaces() -> None:
        enter_user_namespace(4321, 1234)
        # The process itself is in the first one.
        Path("/proc/sys/user/max_net_namespaces").write_text("0")

    try:
        run = run_canary(tmp_path, "print(os.getuid(), os.getgid())", before=no_namespaces)
    except subprocess.SubprocessError as error:
        pytest.skip(f"this machine allows no user namespaces: {error}")
    assert run.stdout == "4321 1234\n"
    assert "network: filter and guard; inputs: writable; files: Landlock; " in run.stderr
    assert "; missing: namespaces (no user namespace: No space left on device)\n" in run.stderr
