"""What a confined process can reach of a server that runs on this machine, which an ordinary one does reach."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pte_foundry.confinement.canary import LANDLOCK, NAMESPACE, run_canary
from pte_foundry.confinement.landlock import landlock_version
from pte_foundry.confinement.user_namespace import enter_user_namespace

CONNECT = "import socket; socket.create_connection(('127.0.0.1', {port}), 5); print('reached')"
SEND = (
    "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))"
)
KERNEL_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")


@pytest.fixture()
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("without", [(), (NAMESPACE, LANDLOCK)], ids=["usual", "guard only"])
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("socket.create_connection(('127.0.0.1', {port}))", "getaddrinfo 127.0.0.1"),
        ("socket.socket()", "a socket of the family AF_INET"),
        ("socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)", "a socket of the family AF_INET6"),
        ("socket.getaddrinfo('example.org', 443)", "getaddrinfo example.org"),
        ("socket.gethostbyname('example.org')", "gethostbyname example.org"),
        ("socket.socket(socket.AF_UNIX).connect('/run/docker.sock')", "connect /run/docker.sock"),
        ("import urllib.request; urllib.request.urlopen('http://example.org')", "example.org"),
        ("import _socket; _socket.socket().connect(('127.0.0.1', {port}))", "127.0.0.1"),
    ],
)
def test_code_in_python_is_told_what_to_do(
    tmp_path: Path, port: int, without: tuple[str, ...], body: str, told: str
) -> None:
    run = run_canary(tmp_path, body.format(port=port), without)
    assert run.returncode == 1
    message = run.stderr.splitlines()[-1]
    assert "PteError: network-access: the code asked for the network" in message
    assert told in message and "Declare what it needs" in message


def test_two_processes_of_one_export_may_talk(tmp_path: Path) -> None:
    body = "first, second = socket.socketpair()\nfirst.sendall(b'x')\nassert second.recv(1) == b'x'"
    run = run_canary(tmp_path, body)
    assert run.returncode == 0, run.stderr


@KERNEL_ONLY
@pytest.mark.parametrize(
    ("without", "needs"),
    [((), "namespace"), ((LANDLOCK,), "namespace"), ((NAMESPACE,), "Landlock")],
    ids=["usual", "namespace", "Landlock"],
)
def test_children_reach_nothing_where_the_kernel_helps(
    tmp_path: Path, port: int, without: tuple[str, ...], needs: str
) -> None:
    child = CONNECT.format(port=port)
    ordinary = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True)
    assert ordinary.stdout == "reached\n", ordinary.stderr
    run = run_canary(tmp_path, f"subprocess.run([sys.executable, '-c', {child!r}])", without)
    if needs not in run.stderr.splitlines()[0]:
        pytest.skip(f"this machine allows no {needs}: {run.stderr.splitlines()[0]}")
    if needs == "Landlock" and landlock_version() < 4:
        pytest.skip("this machine's Landlock refuses no TCP")
    assert run.stdout == "" and run.returncode == 0, run.stderr
    error = {"namespace": "Network is unreachable", "Landlock": "Permission denied"}
    assert (error[needs] in run.stderr) or (not without and error["Landlock"] in run.stderr)


@KERNEL_ONLY
def test_a_namespace_leaves_datagrams_and_the_hosts_name_behind(tmp_path: Path) -> None:
    body = f"subprocess.run([sys.executable, '-c', {SEND!r}])\nprint(socket.gethostname())"
    run = run_canary(tmp_path, body, (LANDLOCK,))
    if "namespace and guard" not in run.stderr:
        pytest.skip(f"this machine allows no namespace: {run.stderr}")
    assert run.stdout == "localhost\n"
    assert "Network is unreachable" in run.stderr
    subprocess.run([sys.executable, "-c", SEND], check=True)


def test_what_is_in_force_is_said_on_stderr(tmp_path: Path) -> None:
    run = run_canary(tmp_path, "pass", (NAMESPACE, LANDLOCK))
    assert (run.returncode, run.stdout) == (0, "")
    assert run.stderr == (
        "confinement: network: guard only (Operation not permitted); inputs: writable; "
        "files: not confined (Operation not permitted)\n"
    )
    assert list(tmp_path.iterdir()) == []


@KERNEL_ONLY
def test_threads_of_the_past_would_not_be_confined(tmp_path: Path) -> None:
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
    # Who is not root loses all capabilities where a program is started.
    run = run_canary(tmp_path, body, before=lambda: enter_user_namespace(4321, 1234))
    if "namespace and guard; inputs: read-only" not in run.stderr:
        pytest.skip(f"this machine allows ordinary users no namespaces: {run.stderr}")
    assert run.stdout == "4321 1234 1\n"


@KERNEL_ONLY
def test_user_and_group_stay_the_same_where_a_namespace_cannot_be_had(tmp_path: Path) -> None:
    def no_namespaces() -> None:
        enter_user_namespace(4321, 1234)
        # The process itself is in the first one.
        Path("/proc/sys/user/max_net_namespaces").write_text("0")

    try:
        run = run_canary(tmp_path, "print(os.getuid(), os.getgid())", before=no_namespaces)
    except subprocess.SubprocessError as error:
        pytest.skip(f"this machine allows no user namespaces: {error}")
    assert run.stdout == "4321 1234\n"
    assert "network: guard only (no user namespace: No space left on device)" in run.stderr
