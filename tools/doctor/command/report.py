"""Findings and caches as text for people, and as JSON for scripts."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from doctor.checks.finding import Finding, State, can_build, gigabytes, next_command, verdict
from doctor.disk.caches import Cache

_COLOURS = {State.ok: "32", State.limited: "33", State.missing: "31"}
_GAP = "  "


def findings_text(findings: Sequence[Finding], width: int, colours: bool) -> str:
    """A table of at most `width` columns, the verdict, and the command to type next.

    What helps against several findings in a row is said after the last of them.
    """
    states = max(len(each.state.value) for each in findings)
    subjects = max(len(each.subject) for each in findings)
    indent = states + subjects + 2 * len(_GAP)
    lines = []
    for each, following in zip(findings, [*findings[1:], None]):
        state = each.state.value.ljust(states)
        if colours:
            state = f"\033[{_COLOURS[each.state]}m{state}\033[0m"
        texts = _wrapped(each.found, width - indent)
        if each.remedy and (following is None or following.remedy != each.remedy):
            texts += _wrapped(f"-> {each.remedy}", width - indent, "   ")
        lines.append(_GAP.join((state, each.subject.ljust(subjects), texts[0])))
        lines += [" " * indent + text for text in texts[1:]]
    # Not wrapped: it is there to be copied.
    lines += ["", *_wrapped(verdict(findings), width), "Next:", f"  {next_command(findings)}"]
    return "\n".join(lines)


def findings_json(findings: Sequence[Finding]) -> str:
    """`can_build`: the exit code's meaning. `next`: the command to type. `findings`: as the table has them."""
    value = {
        "can_build": can_build(findings),
        "next": next_command(findings),
        "findings": [{**asdict(each), "state": each.state.value} for each in findings],
    }
    return json.dumps(value, indent=2, sort_keys=True)


def caches_text(sizes: Mapping[Cache, int], width: int) -> str:
    """A table: size, name, and below each its folder and what it holds."""
    lines = []
    for cache, size in sizes.items():
        lines.append(f"{gigabytes(size):>9}{_GAP}{cache.name}: {cache.folder}")
        lines += [f"{'':9}{_GAP}{text}" for text in _wrapped(cache.what, width - 11)]
    return "\n".join(lines)


def caches_json(sizes: Mapping[Cache, int], removable: Sequence[str]) -> str:
    """Sizes in bytes. `removable`: paths that --clean removes."""
    value = {
        "caches": [
            {"name": cache.name, "folder": str(cache.folder), "size": size}
            for cache, size in sizes.items()
        ],
        "removable": list(removable),
    }
    return json.dumps(value, indent=2, sort_keys=True)


def _wrapped(text: str, width: int, later: str = "") -> list[str]:
    home = os.environ.get("HOME", "")
    if home not in ("", "/"):
        text = text.replace(f"{home}/", "~/")
    return textwrap.wrap(text, width, subsequent_indent=later, break_on_hyphens=False) or [""]
