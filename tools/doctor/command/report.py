"""Findings and caches as tables for people, and as JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from doctor.checks.finding import Finding, State, can_build, gigabytes
from doctor.disk.caches import Cache

_STYLES = {State.ok: "green", State.limited: "yellow", State.missing: "red"}


def findings_table(findings: Sequence[Finding]) -> Table:
    table = Table("what", "state", "found", "what to do")
    for each in findings:
        state = Text(each.state.value, style=_STYLES[each.state])
        table.add_row(Text(each.subject), state, Text(each.found), Text(each.remedy))
    return table


def findings_json(findings: Sequence[Finding]) -> str:
    """`can_build`: the exit code's meaning. `findings`: as the table has them."""
    value = {
        "can_build": can_build(findings),
        "findings": [{**asdict(each), "state": each.state.value} for each in findings],
    }
    return json.dumps(value, indent=2, sort_keys=True)


def verdict(findings: Sequence[Finding]) -> str:
    if can_build(findings):
        return (
            "This machine can build the seeded matrix: ./pants --weights-source=seeded package ::"
        )
    missing = [each.subject for each in findings if each.needed and each.state == State.missing]
    return f"This machine cannot build yet. Missing: {', '.join(missing)}"


def caches_table(sizes: Mapping[Cache, int]) -> Table:
    table = Table("cache", "size", "folder", "holds")
    for cache, size in sizes.items():
        table.add_row(cache.name, gigabytes(size), Text(str(cache.folder)), cache.what)
    return table


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
