from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from typer.testing import CliRunner

from cache_server.command.address import Address, accepts_connections
from cache_server.command.binary import find_casd
from cache_server.command.free_port import free_port
from cache_server.command.main import app
from cache_server.command.server import running_server

_SECONDS = 30


@contextmanager
def started(tmp_path: Path, port: int, *more: str) -> Iterator[subprocess.Popen[str]]:
    """The tool as a process."""
    process = subprocess.Popen(
        [
            sys.executable, "-c", "from cache_server.command.main import app; app()",
            "--bind", f"127.0.0.1:{port}", "--folder", str(tmp_path / "cache"), "--quota", "1G", *more,
        ],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def instructions_of(
    process: subprocess.Popen[str], last: str = "PANTS_REMOTE_CACHE_WRITE=true"
) -> str:
    assert process.stderr is not None
    said = ""
    while last not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    return said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_what_to_set_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    address = Address("127.0.0.1", free_port())
    with started(tmp_path, address.port) as process:
        said = instructions_of(process)
        assert accepts_connections(address)
        process.send_signal(number)
        said += process.communicate(timeout=_SECONDS)[1]
        assert process.returncode == 128 + number, said
    assert "WARNING: this server has no authentication. Every user of this machine can" in said
    assert "--token FILE" in said
    assert f"export PANTS_REMOTE_STORE_ADDRESS={address.url}\n" in said
    assert "export PANTS_CONFIG_FILES=pants.remote.toml\n" in said
    assert said.endswith(f"foundry cache-server: stopped by {number.name}\n")
    assert not accepts_connections(address)


def test_with_a_token_it_says_where_that_is_and_admits_nobody_else(tmp_path: Path) -> None:
    address = Address("127.0.0.1", free_port())
    token = tmp_path / "a token"
    with started(tmp_path, address.port, "--token", str(token)) as process:
        said = instructions_of(process)
        assert f"export PANTS_REMOTE_OAUTH_BEARER_TOKEN_PATH='{token}'\n" in said
        assert token.stat().st_mode & 0o777 == 0o600
        codes = {
            brought: code(address, brought)
            for brought in (f"Bearer {token.read_text()}", "Bearer other", "")
        }
        process.send_signal(signal.SIGTERM)
        said += process.communicate(timeout=_SECONDS)[1]
    assert list(codes.values()) == [
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.UNAUTHENTICATED,
    ]
    assert process.returncode == 143, said
    assert "WARNING" not in said
    assert not accepts_connections(address)


def test_with_execute_it_says_what_to_set(tmp_path: Path) -> None:
    address = Address("127.0.0.1", free_port())
    with started(tmp_path, address.port, "--execute", "--jobs", "2") as process:
        said = instructions_of(process)
        process.send_signal(signal.SIGTERM)
        said += process.communicate(timeout=_SECONDS)[1]
        assert process.returncode == 143, said
    assert "Every user of this machine can run programs on this machine, write to the cache" in said
    assert f"on {address.url}, with 2 processes at once; Ctrl-C ends it" in said
    assert "export PANTS_CONFIG_FILES=pants.remote-execution.toml\n" in said
    assert f"export PANTS_REMOTE_EXECUTION_ADDRESS={address.url}\n" in said


def test_a_worker_of_another_service_is_not_for_users(tmp_path: Path) -> None:
    store = Address("127.0.0.1", free_port())
    with (
        running_server(find_casd(), tmp_path / "store", store, "1G"),
        started(tmp_path, free_port(), "--execute", "--store", store.url) as process,
    ):
        said = instructions_of(process, "docs/remote-execution.md")
        process.send_signal(signal.SIGTERM)
        said += process.communicate(timeout=_SECONDS)[1]
        assert process.returncode == 143, said
    assert f"for http://{store}; Ctrl-C ends it" in said
    assert "PANTS_" not in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--jobs", "2"], "Add --execute"),
        (["--execute", "--jobs", "0"], "--jobs"),
        (["--store", "grpc://127.0.0.1:1"], "Add --execute"),
        (["--execute", "--store", "127.0.0.1:1"], "like grpc://"),
    ],
)
def test_what_is_for_execution_is_checked(arguments: list[str], told: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [*arguments, "--folder", str(tmp_path / "cache")])
    assert result.exit_code == 2
    assert told in result.stderr
    assert not (tmp_path / "cache").exists()


def code(address: Address, authorization: str) -> grpc.StatusCode:
    """The error of a call to a method that no server has."""
    with grpc.insecure_channel(str(address)) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/no.Service/Method")
        try:
            call(b"", metadata=(("authorization", authorization),))
        except grpc.RpcError as error:
            return error.code()
    raise AssertionError("the server has the method")


def test_it_says_when_the_server_ends_by_itself(tmp_path: Path) -> None:
    address = Address("127.0.0.1", free_port())
    with started(tmp_path, address.port) as process:
        said = instructions_of(process)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 1
        os.kill(int(children[0]), signal.SIGKILL)
        said += process.communicate(timeout=_SECONDS)[1]
        assert process.returncode == 1
    assert re.search(r"ended by itself, exit code -9", said)


@pytest.mark.parametrize("bind", ["0.0.0.0:8980", "[::]:8980", "10.0.0.1:8980"])
def test_other_machines_are_kept_out_unless_allowed(bind: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--bind", bind, "--folder", str(tmp_path / "cache")])
    assert result.exit_code == 2
    assert "--allow-network" in result.stderr
    assert not (tmp_path / "cache").exists()


def test_help_says_who_may_write() -> None:
    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert result.exit_code == 0
    for option in (
        "--bind",
        "--allow-network",
        "--folder",
        "--quota",
        "--execute",
        "--jobs",
        "--store",
    ):
        assert option in result.output
