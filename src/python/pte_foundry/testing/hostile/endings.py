"""Try hostile and damaged inputs one after the other, and say how each ended."""

from __future__ import annotations

import random
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.errors import PteError

LOADED = "loaded"
REFUSED = "refused"
WRONG = "wrong values accepted"
ESCAPED = "raw traceback"
RAN = "code ran"


@dataclass(frozen=True)
class Tried:
    """One input and how it ended.

    Attributes:
        ended: `LOADED`, `REFUSED`, `WRONG`, `ESCAPED` or `RAN`.
        detail: the message, or the last lines of the traceback.
    """

    name: str
    ended: str
    detail: str


def attempt(name: str, load: Callable[[], bool], canary: Path) -> Tried:
    """Run `load` once.

    Args:
        load: True if the values that it loaded are the right ones; raises PteError to refuse.
        canary: what exists only if code of the input ran.
    """
    try:
        ended, detail = (LOADED, "") if load() else (WRONG, "")
    except PteError as error:
        ended, detail = REFUSED, str(error)
    except Exception:  # Finding out which ones there are is the purpose.
        ended, detail = ESCAPED, "".join(traceback.format_exc().splitlines(keepends=True)[-6:])
    if canary.exists():
        ended, detail = RAN, str(canary)
    return Tried(name, ended, detail)


def totals(tried: Iterable[Tried]) -> Counter[str]:
    """How many ended in each way."""
    return Counter(one.ended for one in tried)


def damaged(content: bytes, seed: int) -> bytes:
    """`content` with a few bytes changed, cut, repeated or taken out; a function of `seed`."""
    choose = random.Random(seed)
    made = bytearray(content)
    for _ in range(choose.randint(1, 4)):
        place = choose.randrange(len(made) or 1)
        length = choose.choice((1, 1, 2, 4, 8, 64))
        kind = choose.randrange(5)
        if kind == 0:
            made[place : place + length] = choose.randbytes(len(made[place : place + length]))
        elif kind == 1:
            made[place : place + length] = choose.choice((b"\x00", b"\xff")) * length
        elif kind == 2:
            del made[place : place + length]
        elif kind == 3:
            made[place:place] = made[place : place + length]
        else:
            del made[place:]
    return bytes(made)
