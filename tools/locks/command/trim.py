"""From the resolver's output to what is committed: only our environments, only our torch wheels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from locks.command.plan import PLATFORM_MARKERS, Lock, PackagePin, Plan
from workspace.errors import ToolError

_ENTRY = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\]+?))? *\\?$"
)
_HASH = re.compile(r"--hash=sha256:(?P<sha256>[0-9a-f]{64})")


@dataclass(frozen=True)
class Entry:
    """One pinned distribution of a lockfile; `marker` is empty if it applies everywhere."""

    name: str
    version: str
    marker: str
    sha256: tuple[str, ...]

    def render(self) -> str:
        marker = f" ; {self.marker}" if self.marker else ""
        hashes = "".join(f" \\\n    --hash=sha256:{digest}" for digest in self.sha256)
        return f"{self.name}=={self.version}{marker}{hashes}\n"


def parse_entries(text: str) -> list[Entry]:
    """The entries of a requirements file with hashes, in its order. Raises ToolError for a line of another form."""
    entries: list[Entry] = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if found := _HASH.search(line):
            last = entries[-1]
            entries[-1] = Entry(
                last.name, last.version, last.marker, (*last.sha256, found["sha256"])
            )
        elif match := _ENTRY.match(line):
            entries.append(
                Entry(canonicalize_name(match["name"]), match["version"], match["marker"] or "", ())
            )
        else:
            raise ToolError(f"not understood in the resolver's output: {line!r}")
    return entries


def trim(
    entries: Iterable[Entry],
    environments: Sequence[Mapping[str, str]],
    pins: Mapping[str, PackagePin],
    drop: Sequence[str] = (),
) -> list[Entry]:
    """Keep what installs in at least one environment and is not dropped; replace pinned packages by their pins.

    A marker that holds in all environments is left out. What only one platform's wheel of a pinned package depends on
    gets that platform's marker. Raises ToolError for an entry without a hash.
    """
    kept: dict[str, list[Entry]] = {}
    for entry in entries:
        entry = _on_its_platforms(entry, pins.values())
        holds = [
            not entry.marker or Marker(entry.marker).evaluate(dict(env)) for env in environments
        ]
        if not any(holds) or any(fnmatch(entry.name, pattern) for pattern in drop):
            continue
        if entry.name in pins:
            pin = pins[entry.name]
            kept[entry.name] = [Entry(entry.name, pin.version, "", tuple(sorted(pin.sha256)))]
            continue
        if not entry.sha256:
            raise ToolError(f"{entry.name}=={entry.version}: the index gives no hash for it")
        marker = "" if all(holds) else entry.marker
        kept.setdefault(entry.name, []).append(
            Entry(entry.name, entry.version, marker, tuple(sorted(entry.sha256)))
        )
    return [entry for name in sorted(kept) for entry in kept[name]]


def _on_its_platforms(entry: Entry, pins: Iterable[PackagePin]) -> Entry:
    platforms = [
        PLATFORM_MARKERS[platform]
        for pin in pins
        for platform, patterns in pin.only_on.items()
        if any(fnmatch(entry.name, pattern) for pattern in patterns)
    ]
    if not platforms:
        return entry
    marker = " or ".join(
        f"platform_machine == '{values['platform_machine']}' and sys_platform == '{values['sys_platform']}'"
        for values in platforms
    )
    return replace(entry, marker=marker)


def render_lock(plan: Plan, lock: Lock, entries: Iterable[Entry]) -> str:
    """The lockfile's text: a header that says what it is, then the entries, sorted. No download address."""
    trimmed = f"#\n# Trimmed: never imported here: {', '.join(lock.drop)}.\n" if lock.drop else ""
    return (
        f"# {lock.about}\n"
        "# Generated from locks.toml by `./foundry locks`; do not edit.\n"
        f"# CPython {', '.join(lock.python)} on {', '.join(plan.platforms)}.\n"
        f"{trimmed}\n" + "".join(entry.render() for entry in entries)
    )
