"""All hostile inputs in one run: none runs code, ends in a traceback, or gets wrong values accepted.

    ./pants --tag=nightly --test-output=all test tests/attacks::

prints how many inputs were tried and how they ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from attacks.hostile_inputs import COLLECTIONS, Ended

SCALE = 100


@pytest.fixture(scope="module")
def ended() -> Iterator[dict[str, Ended]]:
    """The outcome of each collection so far; printed at the end."""
    found: dict[str, Ended] = {}
    yield found
    width = max(map(len, COLLECTIONS))
    for name, one in found.items():
        print(f"{name:<{width}}  {one}")
    tried = sum(one.tried for one in found.values())
    through = sum(len(one.bad) for one in found.values())
    print(f"{'all':<{width}}  {tried} tried, {through} got through")


@pytest.mark.parametrize("name", COLLECTIONS)
def test_nothing_gets_through(name: str, tmp_path: Path, ended: dict[str, Ended]) -> None:
    ended[name] = COLLECTIONS[name](tmp_path, SCALE)
    assert ended[name].tried > 0
    assert ended[name].bad == ()
