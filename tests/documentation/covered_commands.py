"""The table `commands.toml`: how each documented command is tried, and whether a tool has the options that it names.

Options are looked up in the sources, since starting each tool would take minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import tomllib

TABLE = Path("tests/documentation/commands.toml")


@dataclass(frozen=True)
class Covered:
    """One entry. Exactly one of `here`, `executed_by` and `not_run` is set.

    text: the command; `*` stands for anything.
    stands_as: what the script in `executed_by` runs instead; `text` itself if None.
    """

    text: str
    here: bool
    executed_by: str | None
    stands_as: str | None
    not_run: str | None


def read_table(text: str) -> list[Covered]:
    """Raises ValueError for an entry that sets none or two of them, or names an unknown reason."""
    table = tomllib.loads(text)
    reasons = table["reasons"]
    entries = []
    for entry in table["command"]:
        ways = {"here", "executed_by", "not_run"} & set(entry)
        unknown = set(entry) - {"text", "here", "executed_by", "as", "not_run"}
        if len(ways) != 1 or unknown or entry.get("here") is False:
            raise ValueError(f"{entry}: one of here = true, executed_by and not_run")
        if "not_run" in entry and entry["not_run"] not in reasons:
            raise ValueError(f"{entry}: the reasons are {sorted(reasons)}")
        entries.append(
            Covered(
                entry["text"],
                "here" in entry,
                entry.get("executed_by"),
                entry.get("as"),
                entry.get("not_run"),
            )
        )
    return entries


def entry_of(command: str, table: Sequence[Covered]) -> Covered | None:
    """The entry with exactly this text, else the first whose pattern matches."""
    exact = [entry for entry in table if entry.text == command]
    fitting = [entry for entry in table if fnmatchcase(command, entry.text)]
    return next(iter([*exact, *fitting]), None)


def missing_evidence(entry: Covered, root: Path) -> str | None:
    """What `executed_by` promises but the named file lacks; None if it lacks nothing."""
    if entry.executed_by is None:
        return None
    name, _, test = entry.executed_by.partition("::")
    file = root / name
    if not file.is_file():
        return f"{entry.text}: there is no {name}"
    sought = f"def {test}(" if test else entry.stands_as or entry.text
    return None if sought in file.read_text(encoding="utf-8") else f"{name} has no {sought!r}"


def unknown_options(tool: Path, arguments: Iterable[str]) -> list[str]:
    """Options for which no source of the tool has either the flag as a string or a parameter of that name.

    Typer makes `--with-clone` from a parameter `with_clone`.
    """
    texts = [
        file.read_text(encoding="utf-8")
        for file in sorted(tool.rglob("*.py"))
        if not file.name.endswith("_test.py")
    ]
    if not texts:
        return [f"{tool} has no sources"]
    flags = [argument.partition("=")[0] for argument in arguments if argument.startswith("--")]
    return [flag for flag in flags if flag != "--help" and not _is_known(flag, texts)]


def _is_known(flag: str, texts: Iterable[str]) -> bool:
    parameter = re.escape(flag[2:].replace("-", "_"))
    pattern = re.compile(rf'"{re.escape(flag)}["/]|\b{parameter}: (Annotated|bool|str|int|Path)')
    return any(pattern.search(text) for text in texts)
