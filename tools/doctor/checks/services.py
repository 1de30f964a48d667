"""Checks of what only some builds need: checkpoints, the QNN SDK, a cache server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from doctor.checks.finding import Finding, State
from doctor.checks.machine import Answers

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


def check_checkpoints(targets: Sequence[Mapping[str, Any]], answers: Answers) -> list[Finding]:
    """One finding for each `model_weights` target of `./pants peek`, sorted. Seeded builds need none."""
    declared = sorted(
        (each for each in targets if each["target_type"] == "model_weights"),
        key=lambda each: str(each["address"]),
    )
    return [_check_checkpoint(each, answers) for each in declared]


def _check_checkpoint(target: Mapping[str, Any], answers: Answers) -> Finding:
    address = str(target["address"])
    pinned = target["sha256"] is not None
    urls = [str(url) for url in target["urls"] or ()]
    why_not: list[str] = []
    for url in urls:
        why = answers(url)
        if not why:
            break
        why_not.append(f"{urlsplit(url).hostname or url}: {why}")
    reachable = len(why_not) < len(urls)
    found = "pinned" if pinned else "not pinned"
    found += ", can be fetched" if reachable else f", cannot be fetched ({'; '.join(why_not)})"
    remedies = []
    if not pinned:
        remedies.append(f"`./foundry pin {address}`")
    if not reachable:
        remedies.append("name a folder that has the file with --weights-distdirs")
    state = State.ok if pinned and reachable else State.missing
    remedy = "; ".join(remedies)
    return Finding(f"official checkpoint {address}", state, found, remedy)
