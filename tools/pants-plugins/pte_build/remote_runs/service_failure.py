"""What to tell when a remote execution service fails, rather than a process that it ran."""

from __future__ import annotations

import re

from pte_build.remote_runs.place import BUILD_HERE

_PAGE = "docs/remote-execution.md"
# Patterns of the engine's text to what they mean and what to do. The first that is found counts.
_MEANINGS = (
    (
        r"unimplemented|not supported|exec_enabled",
        "it does not execute: it is a cache alone. Start it as an execution service "
        "(`./foundry cache-server --execute`), or correct PANTS_REMOTE_EXECUTION_ADDRESS",
    ),
    (
        r"unauthenticated|permission ?denied",
        "it does not let you in. Set its token: PANTS_REMOTE_OAUTH_BEARER_TOKEN_PATH",
    ),
    (
        r"no space left|resource ?exhausted|disk quota|ENOSPC|insufficient disk",
        "it, or a worker, has no room left. Free some there, or raise its quota",
    ),
    (
        r"tcp connect error|connection refused|dns error|error trying to connect|^Unknown: .transport error",
        "it cannot be reached. Start it, or correct PANTS_REMOTE_EXECUTION_ADDRESS",
    ),
    (
        r"remote execution timed out",
        "no worker has finished it in time. See whether workers are connected to the service, or raise "
        "--remote-execution-overall-deadline-secs",
    ),
    (
        r"too many failures|unavailable|disconnect|transport error|broken pipe|connection reset",
        "it is not there any more: it, or the worker, ended in the middle. Start it again and repeat the command: "
        "what was finished is kept",
    ),
)
_UNKNOWN = "see what it logs, and repeat the command: what was finished is kept"


def describe_service_failure(address: str, said: str) -> str:
    """`said` is the text of the engine's error, for one process at this service."""
    meaning = next(
        (meaning for pattern, meaning in _MEANINGS if re.search(pattern, said, re.IGNORECASE)),
        _UNKNOWN,
    )
    return f"the remote execution service {address}: {meaning}. {BUILD_HERE} More: {_PAGE}. It said: {said.strip()}"
