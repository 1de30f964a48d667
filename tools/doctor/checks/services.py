"""Checks of what only some builds need: checkpoints, the QNN SDK, a cache server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from doctor.checks.finding import Finding, State
from doctor.checks.machine import host
from doctor.facts.checkpoints import DeclaredCheckpoint
from doctor.facts.network import NO_ANSWER

# What a folder must have to be the SDK: see [qnn] sdk_root in `./pants help qnn`.
_SDK_FILES = ("sdk.yaml", "lib/x86_64-linux-clang/libQnnHtp.so")


def check_qnn_sdk(sdk_root: str | None, build_root: Path) -> Finding:
    """The SDK that `[qnn] sdk_root` names; a relative path starts at the build root."""
    subject = "SDK for QNN"
    if not sdk_root:
        return Finding(
            subject,
            State.missing,
            "[qnn] sdk_root is not set; only qnn programs need it",
            "Install Qualcomm's AI Engine Direct SDK and set it: docs/unavailable.md",
        )
    folder = build_root / sdk_root
    absent = [name for name in _SDK_FILES if not (folder / name).is_file()]
    if absent:
        return Finding(
            subject, State.missing, f"{folder} has no {', '.join(absent)}", "Correct [qnn] sdk_root"
        )
    return Finding(subject, State.ok, str(folder))


def check_cache_server(address: str | None, why_not: Callable[[str], str]) -> Finding:
    """The server that `remote_store_address` names. Pants goes on without it."""
    subject = "cache server"
    if not address:
        return Finding(subject, State.ok, "none is configured")
    why = why_not(address)
    if why:
        remedy = "Start the server, or correct remote_store_address; builds go on without it"
        return Finding(subject, State.limited, f"{address}: {why}", remedy)
    return Finding(subject, State.ok, f"{address} answers")


def check_checkpoints(
    checkpoints: Sequence[DeclaredCheckpoint],
    why_not: Callable[[str], str],
    here: Callable[[str], bool],
) -> list[Finding]:
    """What stands between this machine and official weights, each thing once. Seeded builds need none.

    Args:
        why_not: empty for an address that answers, else the reason.
        here: whether a checkpoint's file is in a folder of `[weights] distdirs`.
    """
    subject = "checkpoints"
    reasons = {url: why_not(url) for each in checkpoints for url in each.urls}
    there = [
        each
        for each in checkpoints
        if here(each.file) or any(not reasons[url] for url in each.urls)
    ]
    well = [each for each in there if each.pinned]
    state = State.ok if len(well) == len(checkpoints) else State.limited if well else State.missing
    total = f"{len(well)} of {len(checkpoints)} official ones are pinned and can be had; seeded builds need none"
    findings = [Finding(subject, state, total)]
    lost = [each for each in checkpoints if each not in there]
    for reason, names in _grouped(lost, reasons).items():
        remedy = "Name a folder that has the files with --weights-distdirs: docs/weights.md"
        findings.append(Finding(subject, State.missing, f"{reason}: {', '.join(names)}", remedy))
    unpinned = [each.address for each in checkpoints if not each.pinned]
    if unpinned:
        found = f"not pinned: {', '.join(unpinned)}"
        findings.append(Finding(subject, State.missing, found, "For each: `./foundry pin ADDRESS`"))
    return findings


def _grouped(
    lost: Sequence[DeclaredCheckpoint], reasons: Mapping[str, str]
) -> dict[str, list[str]]:
    """Why, to the names of the checkpoints that it holds for. A host that cannot be reached is named once."""
    unreachable: dict[str, str] = {}
    for url, why in reasons.items():
        # Time may be up for one address before another one learns more.
        if not why.startswith("HTTP") and unreachable.get(host(url), NO_ANSWER).startswith(
            NO_ANSWER
        ):
            unreachable[host(url)] = why
    groups: dict[str, list[str]] = {}
    for each in lost:
        whys = dict.fromkeys(
            f"{host(url)} ({reasons[url] if reasons[url].startswith('HTTP') else unreachable[host(url)]})"
            for url in each.urls
        )
        why = "; ".join(whys) or "no URL is declared"
        groups.setdefault(why, []).append(each.address.rpartition(":")[2])
    return groups
