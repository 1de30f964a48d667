"""`[weights].substitutes`: checkpoints that take the place of pinned ones."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pants.base.build_root import BuildRoot
from pants.engine.rules import Rule, _uncacheable_rule, collect_rules, rule
from pants.engine.target import AllTargets

from pte_build.errors import PteBuildError
from pte_build.targets.model_weights import ModelWeights, WeightsFileField
from pte_build.weights.subsystem import WeightsSubsystem

_SHA256 = re.compile(r"[0-9a-f]{64}")
_OPTION = "[weights].substitutes"


@dataclass(frozen=True)
class Substitute:
    """One entry; `path` is absolute and is only used to fetch the file, never in a cache key."""

    address: str
    path: str
    sha256: str
    size: int
    description: str


@dataclass(frozen=True)
class Substitutes:
    entries: tuple[Substitute, ...] = ()

    def find(self, address: str) -> Substitute | None:
        return next((entry for entry in self.entries if entry.address == address), None)


@dataclass(frozen=True)
class SubstitutesFile:
    """The file as it is now; `text` is None if the option is not set."""

    path: str
    text: str | None


def parse_substitutes(text: str, path: str) -> Substitutes:
    """Read the JSON map. Raises a PteBuildError that names the file, the entry and what is wrong with it."""
    where = f"{_OPTION}: {path}"
    try:
        table = json.loads(text)
    except json.JSONDecodeError as error:
        raise PteBuildError(f"{where}: not valid JSON: {error}") from None
    if not isinstance(table, dict):
        raise PteBuildError(
            f"{where}: expected a JSON object of weights addresses, got {type(table).__name__}"
        )
    entries = []
    for address, entry in sorted(table.items()):
        if not isinstance(entry, dict):
            raise PteBuildError(
                f"{where}: {address}: expected an object, got {type(entry).__name__}"
            )
        expected = {"file": str, "sha256": str, "size": int, "description": str}
        for key, kind in expected.items():
            if not isinstance(entry.get(key), kind) or isinstance(entry.get(key), bool):
                raise PteBuildError(
                    f"{where}: {address}: `{key}` is required and must be of type {kind.__name__}"
                )
        if unknown := sorted(set(entry) - set(expected)):
            raise PteBuildError(
                f"{where}: {address}: unknown keys {unknown}; known are {sorted(expected)}"
            )
        if not _SHA256.fullmatch(entry["sha256"]):
            raise PteBuildError(
                f"{where}: {address}: `sha256` must be 64 lower-case hexadecimal digits"
            )
        entries.append(
            Substitute(
                address=address,
                path=os.path.normpath(os.path.join(os.path.dirname(path), entry["file"])),
                sha256=entry["sha256"],
                size=entry["size"],
                description=entry["description"],
            )
        )
    return Substitutes(tuple(entries))


# The file may lie outside the build root, where globs do not see it: it is read once per session.
@_uncacheable_rule
async def read_substitutes_file(
    subsystem: WeightsSubsystem, build_root: BuildRoot
) -> SubstitutesFile:
    if not subsystem.substitutes:
        return SubstitutesFile("", None)
    path = os.path.normpath(os.path.join(build_root.path, subsystem.substitutes))
    try:
        with open(path, encoding="utf-8") as file:
            return SubstitutesFile(path, file.read())
    except (OSError, UnicodeDecodeError) as error:
        raise PteBuildError(
            f"{_OPTION} = {subsystem.substitutes!r}: {path} cannot be read: {error}. The path is relative to the "
            "repository's root."
        ) from None


@rule
async def load_substitutes(file: SubstitutesFile, all_targets: AllTargets) -> Substitutes:
    if file.text is None:
        return Substitutes()
    substitutes = parse_substitutes(file.text, file.path)
    known = sorted(t.address.spec for t in all_targets if t.has_field(WeightsFileField))
    if unknown := [entry.address for entry in substitutes.entries if entry.address not in known]:
        raise PteBuildError(
            f"{_OPTION}: {file.path}: no `{ModelWeights.alias}` target has the address "
            f"{', '.join(unknown)}. There are: {', '.join(known)}."
        )
    return substitutes


def rules() -> Iterable[Rule]:
    return collect_rules()
