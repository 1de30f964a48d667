"""The declared checkpoints: pinned or not, and whether their hosts answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from doctor.checks.finding import Finding, State

Answers = Callable[[str], str]
"""URL -> empty if the host has the file, else why not."""


def check_checkpoints(targets: Sequence[Mapping[str, Any]], answers: Answers) -> list[Finding]:
    """One finding for each `model_weights` target, as `./pants peek` describes it; sorted.

    Seeded builds need none of them, so none is needed.
    """
    declared = sorted(
        (each for each in targets if each["target_type"] == "model_weights"),
        key=lambda each: str(each["address"]),
    )
    return [_check(each, answers) for each in declared]


def _check(target: Mapping[str, Any], answers: Answers) -> Finding:
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
