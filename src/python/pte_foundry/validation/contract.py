"""Whether a program says about itself what its report says about it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pte_foundry.records.contract import GET_CONTRACT, Contract
from pte_foundry.records.outside_text import shown
from pte_foundry.validation.case import Outcome

_REBUILD = "build program and report again from one commit"


def contract_outcome(stated: Contract, found: Mapping[str, tuple[str, ...]]) -> Outcome:
    """Compare a program's constant methods with the contract of its report.

    Args:
        found: name of each method besides `forward` -> the texts that it returns.
    """
    expected = stated.methods()
    if sorted(found) != sorted(expected):
        problem = (
            f"besides `forward` it has the methods {shown(sorted(found))}, but a program has "
            f"{sorted(expected)}: {_REBUILD}"
        )
        return Outcome("", (problem,))
    problems = tuple(
        f"{difference}: {_REBUILD}"
        for name, texts in expected.items()
        if found[name] != texts
        for difference in _differences(name, found[name], texts)
    )
    return Outcome("the program states what the report says", problems)


def _differences(name: str, found: tuple[str, ...], stated: tuple[str, ...]) -> Iterator[str]:
    if name == GET_CONTRACT:
        here, there = _content(found), json.loads(stated[0])
        if here is not None:
            fields = sorted(
                field
                for field in {*here, *there}
                if field not in here or field not in there or here[field] != there[field]
            )
            for field in fields:
                yield (
                    f"{name}: {shown(field)} is {shown(here.get(field))} in the program, but the report "
                    f"says {shown(there.get(field))}"
                )
            if fields:
                return
    yield f"{name} returns {shown(found)}, but the report says {shown(stated)}"


def _content(texts: tuple[str, ...]) -> dict[str, object] | None:
    """None for what is no JSON object."""
    try:
        content = json.loads(texts[0])
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
