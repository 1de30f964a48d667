"""Where the time of a program goes: what `explain.inside.profile_program` measured, as a table and a picture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pte_foundry.tree.plots.charts import Bar, Row, bar_chart

_ROWS = 30  # of table and picture; the rest is one row


@dataclass(frozen=True)
class Share:
    """What takes time: an operator, or what a delegate does in one. `milliseconds` is the sum of its `calls`."""

    name: str
    calls: int
    milliseconds: float


@dataclass(frozen=True)
class Profile:
    """Medians over `runs`; `milliseconds` is that of a run. `shares` are sorted, the slowest first."""

    threads: int
    runs: int
    milliseconds: float
    delegates: tuple[Share, ...]
    shares: tuple[Share, ...]


def parse_profile(text: str) -> Profile:
    """Read `profile.json`. Raises KeyError or TypeError for other content."""
    data: dict[str, Any] = json.loads(text)
    delegates: dict[str, Share] = {}
    shares: dict[str, Share] = {}
    for call in data["calls"]:
        if call["kind"] == "delegate":
            _add(delegates, call["name"], call["milliseconds"])
        # A delegate that measures nothing itself is one row.
        for part in call["parts"] or [{"name": None, "milliseconds": call["milliseconds"]}]:
            name = call["name"] if part["name"] is None else f"{call['name']}: {part['name']}"
            _add(shares, name, part["milliseconds"])
    return Profile(
        data["threads"], data["runs"], data["milliseconds"], _sorted(delegates), _sorted(shares)
    )


def profile_json(address: str, profile: Profile) -> str:
    """For scripts: the address and all fields."""
    return json.dumps({"address": address, **asdict(profile)}, indent=2)


def profile_texts(address: str, profile: Profile) -> Iterator[RenderableType]:
    threads = f"{profile.threads} thread{'' if profile.threads == 1 else 's'}"
    yield Text(
        f"{address}: {profile.milliseconds:.3f} ms on the CPU with {threads}, median of {profile.runs} runs"
    )
    if profile.delegates:
        yield _table("Delegates", profile.delegates, profile.milliseconds)
    yield _table("Operators, by time", _shown(profile.shares), profile.milliseconds)


def profile_picture(address: str, profile: Profile) -> str:
    """An SVG with the rows of the table."""
    rows = [
        Row(each.name, (Bar(each.milliseconds, f"{each.milliseconds:.3f}"),))
        for each in _shown(profile.shares)
    ]
    return bar_chart(f"{address}: milliseconds of {profile.milliseconds:.3f}", rows).as_file()


def _add(found: dict[str, Share], name: str, milliseconds: float) -> None:
    known = found.get(name, Share(name, 0, 0.0))
    found[name] = Share(name, known.calls + 1, known.milliseconds + milliseconds)


def _sorted(found: Mapping[str, Share]) -> tuple[Share, ...]:
    return tuple(sorted(found.values(), key=lambda share: (-share.milliseconds, share.name)))


def _shown(shares: tuple[Share, ...]) -> tuple[Share, ...]:
    first, rest = shares[:_ROWS], shares[_ROWS:]
    if not rest:
        return first
    calls, milliseconds = sum(each.calls for each in rest), sum(each.milliseconds for each in rest)
    return (*first, Share(f"{len(rest)} others", calls, milliseconds))


def _table(title: str, shares: tuple[Share, ...], whole: float) -> Table:
    table = Table(title.partition(",")[0].rstrip("s").lower(), title=title, title_justify="left")
    for name in ("calls", "ms", "%"):
        table.add_column(name, justify="right")
    for each in shares:
        percent = 100 * each.milliseconds / whole if whole else 0.0
        table.add_row(
            Text(each.name), str(each.calls), f"{each.milliseconds:.3f}", f"{percent:.1f}"
        )
    return table
