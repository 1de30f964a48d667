"""A `foundry cache-server`, for benchmarks that build with one."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from workspace.builds import NO_REMOTE_CACHE
from workspace.clone import Clone
from workspace.errors import ToolError

FOUNDRY = "tools/foundry"
_PROGRAM = "dist/tools.foundry/foundry.pex"
_START_SECONDS = 60.0


@contextmanager
def running_cache_server(clone: Clone, folder: Path, *arguments: str) -> Iterator[str]:
    """Run that of a clone, which has packaged `FOUNDRY`; yields its address for Pants.

    folder: of the cache. Raises ToolError if it does not start.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    command = [
        str(clone.root / _PROGRAM), "cache-server", f"--bind=127.0.0.1:{port}", f"--folder={folder}", *arguments,
    ]  # fmt: skip
    child = subprocess.Popen(
        command, cwd=clone.root, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _accepts_connections(port):
            if child.poll() is not None or time.monotonic() > deadline:
                raise ToolError(
                    "the cache server did not start; run `./foundry cache-server` to see why"
                )
            time.sleep(0.1)
        yield f"grpc://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait()


def with_cache(clone: Clone, environment: Mapping[str, str]) -> Clone:
    """Without the options that turn off remote caches: in Pants, `--no-x` beats `--x` in whatever order they are."""
    options = tuple(option for option in clone.options if option not in NO_REMOTE_CACHE)
    return Clone(clone.root, {**clone.environment, **environment}, options)


def _accepts_connections(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
