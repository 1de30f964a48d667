"""The few options of Pants that checks look at, read from its files and variables, without Pants.

Strings and numbers alone, each on one line; that is how these options are written.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_SECTION = re.compile(r"\s*\[([^\]]+)\]\s*(?:#.*)?")
_VALUE = re.compile(
    r"""\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([0-9][0-9_]*))\s*(?:#.*)?"""
)
_FILE_NAME = re.compile(r"[^\s\"'\[\]+,-][^\"'\[\],]*")
_HOLE = re.compile(r"%\(([\w.]+)\)s")


@dataclass(frozen=True)
class PantsOptions:
    """Attributes:
    local_store_dir, named_caches_dir: Pants' caches.
    sandboxes: the folder that sandboxes are made in.
    parallelism: processes at once.
    remote_store_address: of a remote cache; None if none is configured.
    qnn_sdk_root: as it is written; None if it is not set.
    """

    local_store_dir: Path
    named_caches_dir: Path
    sandboxes: Path
    parallelism: int
    remote_store_address: str | None
    qnn_sdk_root: str | None


def read_options(root: Path, environment: Mapping[str, str]) -> PantsOptions:
    """The options of a `./pants` in `root`: variables count more than .pants.rc files, these more than pants.toml."""
    home = Path(environment.get("HOME") or "~").expanduser()
    written: dict[tuple[str, str], str] = {}
    for file in _files(root, home, environment):
        written.update(parse_options(_text(file), root, home, environment))

    def option(scope: str, name: str) -> str | None:
        prefix = "PANTS_" if scope == "GLOBAL" else f"PANTS_{scope.upper()}_"
        value = environment.get(prefix + name.upper(), written.get((scope, name)))
        return value or None

    caches = Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "pants"
    parallel = option("GLOBAL", "process_execution_local_parallelism") or ""
    return PantsOptions(
        Path(option("GLOBAL", "local_store_dir") or caches / "lmdb_store"),
        Path(option("GLOBAL", "named_caches_dir") or caches / "named_caches"),
        Path(option("GLOBAL", "local_execution_root_dir") or tempfile.gettempdir()),
        (int(parallel) if parallel.isdigit() else 0) or os.cpu_count() or 1,
        option("GLOBAL", "remote_store_address"),
        option("qnn", "sdk_root"),
    )


def parse_options(
    text: str, root: Path, home: Path, environment: Mapping[str, str]
) -> dict[tuple[str, str], str]:
    """(scope, option) -> value, of a configuration file."""
    holes = {"buildroot": str(root), "homedir": str(home)}
    holes.update((f"env.{name}", value) for name, value in environment.items())
    found: dict[tuple[str, str], str] = {}
    scope = ""
    for line in text.splitlines():
        section, value = _SECTION.fullmatch(line), _VALUE.fullmatch(line)
        if section:
            scope = section[1].strip()
        elif value:
            given = next(each for each in value.groups()[1:] if each is not None)
            filled = _HOLE.sub(lambda hole: holes.get(hole[1], hole[0]), given)
            found[scope, value[1]] = filled
    return found


def _files(root: Path, home: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """From the least to the most important."""
    names = environment.get("PANTS_CONFIG_FILES", "")
    if names.strip()[:1] in ("", "+"):
        yield root / "pants.toml"
    yield from (root / name for name in _FILE_NAME.findall(names))
    if environment.get("PANTS_PANTSRC", "").lower() != "false":
        yield from (Path("/etc/pantsrc"), home / ".pants.rc", root / ".pants.rc")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
