"""Run buildbox-casd as a child process."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from cache_server.command.address import Address, UnixSocket, accepts_connections, check_free
from cache_server.command.execution import Execution
from cache_server.command.token_proxy import running_proxy
from workspace.errors import ToolError

_START_SECONDS = 20.0
_STOP_SECONDS = 10.0
_QUOTA = re.compile(r"[1-9][0-9]*[KMGT]")


def check_quota(quota: str) -> None:
    """Raises ToolError unless the text is a size like 20G."""
    if not _QUOTA.fullmatch(quota):
        raise ToolError(
            f"--quota: {quota!r} is not a size; write a number and K, M, G or T, like 20G"
        )


@contextmanager
def running_server(
    program: Path,
    folder: Path,
    address: Address,
    quota: str,
    token: str | None = None,
    execution: Execution | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that accepts connections; stopped at the end.

    `folder` keeps the cache between runs; above `quota` the least recently used entries are deleted. If a `token` is
    given, only calls with it reach the server. With `execution` it runs processes too. Raises ToolError if the server
    does not start.
    """
    check_quota(quota)
    check_free(address)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ToolError(
            f"--folder: {folder} cannot be created: {error.strerror}. Name a folder that you may write to"
        ) from None
    command = [str(program), f"--quota-high={quota}"]
    environment = dict(os.environ)
    if execution is not None:
        command += execution.arguments()
        environment["PATH"] = execution.search_path(environment.get("PATH", os.defpath))
    # By default it reserves 2 GB of the disk, and fails if the quota does not fit besides.
    command += ["--reserved=0", f"--shutdown-deadline={int(_STOP_SECONDS / 2)}", str(folder)]
    with ExitStack() as running:
        if token is None:
            yield running.enter_context(_casd(command, environment, address))
            return
        # Private, and with a path that is short enough for a socket.
        private = running.enter_context(TemporaryDirectory(prefix="cache-server-"))
        socket = UnixSocket(Path(private, "casd"))
        child = running.enter_context(_casd(command, environment, socket))
        running.enter_context(running_proxy(address, token, str(socket)))
        yield child


@contextmanager
def _casd(
    command: list[str], environment: Mapping[str, str], place: Address | UnixSocket
) -> Iterator[subprocess.Popen[bytes]]:
    program, *arguments = command
    child = subprocess.Popen(
        [program, f"--bind={place}", *arguments], stdin=subprocess.DEVNULL, env=environment
    )
    try:
        _wait_until_ready(child, place)
        yield child
    finally:
        _stop(child)


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End the server, after the requests in progress, and wait for it."""
    child.terminate()
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _wait_until_ready(child: subprocess.Popen[bytes], address: Address | UnixSocket) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not accepts_connections(address):
        if child.poll() is not None:
            raise ToolError(
                f"buildbox-casd ended with exit code {child.returncode} instead of listening on "
                f"{address}; its output is above"
            )
        if time.monotonic() > deadline:
            raise ToolError(
                f"buildbox-casd does not listen on {address} after {_START_SECONDS:.0f} s"
            )
        time.sleep(0.05)
