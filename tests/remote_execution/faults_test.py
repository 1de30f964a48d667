"""A service that fails is an error with what to do, and nothing is built elsewhere unless asked for."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from cache_server.command.execution import Execution, prepare_execution
from remote_cache.machines import PROGRAM
from remote_cache.relay import Relay
from remote_cache.server import Server
from remote_execution.exports import exports, wait_until
from remote_execution.users import RemoteUser

# Where workers have one.
PYTHONS = ("/usr/local/bin/python3.11", "/usr/bin/python3.11")
# A runner that returns no declared output files, as those from version 1.3.39 on.
_FORGETFUL = """#!{python}
import subprocess, sys
sys.path[:] = {path!r}
from buildstream._protos.build.bazel.remote.execution.v2 import remote_execution_pb2 as messages

if code := subprocess.call([{runner!r}, *sys.argv[1:]]):
    sys.exit(code)
for argument in sys.argv:
    if argument.startswith("--action-result="):
        file = argument.partition("=")[2]
        result = messages.ActionResult.FromString(open(file, "rb").read())
        del result.output_files[:]
        open(file, "wb").write(result.SerializeToString())
"""


@pytest.fixture(autouse=True)
def _whole_again(relay: Relay, server: Server) -> Iterator[None]:
    yield
    relay.change(server.address)


@contextmanager
def other_server(folder: Path, relay: Relay, execution: Execution | None) -> Iterator[Server]:
    """In place of the server."""
    made = Server(folder, execution=execution)
    with made.running():
        relay.change(made.address)
        yield made


def test_without_a_fault(user: RemoteUser) -> None:
    user.assert_built_there(user.change())


def test_a_service_that_is_absent(user: RemoteUser, relay: Relay) -> None:
    content = user.change()
    relay.change(None)
    user.assert_refused(f"service {relay.address.url}: it cannot be reached")
    # The advice works.
    outcome = user.machine.package("--weights-source=seeded", "--no-remote-execution")
    assert outcome.exit_code == 0, outcome.output
    assert content in (user.machine.pte() or b"")
    assert "on a worker" not in outcome.output


def test_a_server_that_is_a_cache_alone(user: RemoteUser, relay: Relay, tmp_path: Path) -> None:
    user.change()
    with other_server(tmp_path / "cache", relay, None):
        user.assert_refused("./foundry cache-server --execute")


def test_a_worker_without_python(user: RemoteUser, relay: Relay, tmp_path: Path) -> None:
    user.change()
    good = prepare_execution(tmp_path / "server", jobs=1)
    nothing = tmp_path / "nothing"
    nothing.touch()
    hidden = [(str(nothing), python) for python in PYTHONS if Path(python).exists()]
    mounts = [mount for mount in good.mounts if mount[1] != "/opt/pte-foundry"]
    with other_server(tmp_path / "server", relay, replace(good, mounts=(*mounts, *hidden))):
        user.assert_refused("has no CPython 3.11", "/opt/pte-foundry/python3.11")


def test_a_runner_that_ignores_output_files(user: RemoteUser, relay: Relay, tmp_path: Path) -> None:
    user.change()
    good = prepare_execution(tmp_path / "server", jobs=1)
    forgetful = tmp_path / "runner"
    forgetful.write_text(
        _FORGETFUL.format(python=sys.executable, path=sys.path, runner=str(good.programs.runner))
    )
    forgetful.chmod(0o755)
    with other_server(
        tmp_path / "server", relay, replace(good, programs=replace(good.programs, runner=forgetful))
    ):
        outcome = user.assert_refused("ignores `Command.output_files`", "1.3.39", "1.3.11")
    # It was found before the export was sent.
    assert "started on a worker" not in outcome.output


def test_a_service_that_is_killed_in_the_middle_of_an_export(
    user: RemoteUser, relay: Relay, server: Server
) -> None:
    user.change(seconds=60)

    def kill() -> None:
        wait_until(lambda: exports() != [], "no export has begun")
        server.kill()

    killing = Thread(target=kill)
    killing.start()
    try:
        user.assert_refused(f"{PROGRAM}: the remote execution service", "ended in the middle")
    finally:
        killing.join()
        server.start()
    user.assert_built_there(user.change())


def test_a_cancelled_build_ends_its_export(user: RemoteUser) -> None:
    user.change(seconds=300)
    with user.building() as build:
        wait_until(lambda: exports() != [], "no export has begun")
        build.send_signal(signal.SIGINT)
        assert build.wait(60) != 0
    wait_until(lambda: exports() == [], "the export goes on")
    assert user.machine.clone.dist_files() == {}
