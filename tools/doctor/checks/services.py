"""What only some work needs: the QNN SDK and a cache server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from doctor.checks.finding import Finding, State

# What a folder must have to be the SDK: see [qnn] sdk_root in `./pants help qnn`.
_SDK_FILES = ("sdk.yaml", "lib/x86_64-linux-clang/libQnnHtp.so")

Connects = Callable[[str], str]
"""`grpc://host:port` -> empty if something listens there, else why not."""


def check_qnn_sdk(sdk_root: str | None, build_root: Path) -> Finding:
    """The SDK that `[qnn] sdk_root` names; a relative path starts at the build root."""
    subject = "QNN SDK (qnn programs)"
    if not sdk_root:
        return Finding(
            subject,
            State.missing,
            "[qnn] sdk_root is not set",
            "Install Qualcomm's AI Engine Direct SDK and set it: docs/unavailable.md",
        )
    folder = build_root / sdk_root
    absent = [name for name in _SDK_FILES if not (folder / name).is_file()]
    if absent:
        return Finding(
            subject, State.missing, f"{folder} has no {', '.join(absent)}", "Correct [qnn] sdk_root"
        )
    return Finding(subject, State.ok, str(folder))


def check_cache_server(address: str | None, connects: Connects) -> Finding:
    """The server that `remote_store_address` names. Pants goes on without it."""
    subject = "cache server"
    if not address:
        return Finding(subject, State.ok, "none is configured")
    why = connects(address)
    if why:
        remedy = "Start the server, or correct remote_store_address; builds go on without it"
        return Finding(subject, State.limited, f"{address}: {why}", remedy)
    return Finding(subject, State.ok, f"{address} answers")
