"""Which programs an address, or a specification of many, stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workspace.errors import ToolError
from workspace.peek import peek

_TYPE = "pte_program"
# One target, or `folder:` and `folder::`; no option, no glob, no list of addresses in a file.
_SPEC = re.compile(r"(//)?(?![-!@/])[^:*\s]*(::?|:(?!-)[^:*\s]+)?")


@dataclass(frozen=True)
class Program:
    """address: as Pants writes it. pte: where `package` writes it, below `dist/`."""

    address: str
    pte: Path


def find_programs(
    root: Path, specs: Sequence[str], environment: Mapping[str, str]
) -> tuple[Program, ...]:
    """Ask `./pants peek` in the build root; sorted by address.

    Of `folder:` and `folder::`, only programs count, and not those that their BUILD file declares unavailable.

    Raises ToolError for an unknown address, one of another kind of target, or no program at all.
    """
    check_specs(specs)
    return parse_peek(peek(root, specs, environment), specs)


def check_specs(specs: Sequence[str]) -> None:
    """Raises ToolError for what is neither an address nor `folder:` or `folder::`."""
    for spec in specs:
        if not spec or _SPEC.fullmatch(spec) is None:
            raise ToolError(
                f"{spec!r} is not an address; examples are models/mobilenet:mobilenet_v3_small_xnnpack "
                "and models/mobilenet::"
            )


def parse_peek(peeked: Sequence[Mapping[str, Any]], specs: Sequence[str]) -> tuple[Program, ...]:
    """Read what `peek` says about `specs`. Raises ToolError as `find_programs` does."""
    targets = {target["address"]: target for target in peeked}
    for spec in specs:
        target = targets.get(spec.removeprefix("//")) or targets.get(spec)
        if target is not None and target["target_type"] != _TYPE:
            raise ToolError(
                f"{spec} is a {target['target_type']}, not a {_TYPE}. List the programs with "
                f"`./pants --filter-target-type={_TYPE} list ::`"
            )
    named = {spec.removeprefix("//") for spec in specs} | set(specs)
    found = tuple(
        Program(address, _pte(address, target.get("output_path")))
        for address, target in sorted(targets.items())
        # A named one is kept: building it says why it is unavailable.
        if target["target_type"] == _TYPE and (not target.get("unavailable") or address in named)
    )
    if not found:
        raise ToolError(
            f"{' '.join(specs)}: there is no available {_TYPE}. List them with "
            f"`./pants --filter-target-type={_TYPE} list ::`"
        )
    return found


def _pte(address: str, output_path: str | None) -> Path:
    folder, _, name = address.removeprefix("//").partition(":")
    return Path(output_path or f"{folder}/{name or Path(folder).name}.pte".lstrip("/"))
