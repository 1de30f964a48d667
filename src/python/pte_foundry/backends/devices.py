"""Which backends every device of a platform can run (standard library only).

A backend whose programs need nothing but the platform says so in its folder, in `devices.toml`. Others need more (a
driver, an older runtime, a chip): an app that knows that it is there asks for them.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import tomllib

_FILE = "devices.toml"


def on_every_device(platform: str) -> tuple[str, ...]:
    """Names of the backends that every device of the platform can run, the preferred one first."""
    return tuple(name for _, name, platforms in _declared() if platform in platforms)


@cache
def _declared() -> tuple[tuple[int, str, frozenset[str]], ...]:
    """Rank, name and platforms of each backend that has a file, sorted."""
    found = []
    for folder in resources.files("pte_foundry.backends").iterdir():
        file = folder / _FILE
        if file.is_file():
            fields = tomllib.loads(file.read_text(encoding="utf-8"))
            found.append((fields["rank"], folder.name, frozenset(fields["platforms"])))
    return tuple(sorted(found, key=lambda each: each[:2]))
