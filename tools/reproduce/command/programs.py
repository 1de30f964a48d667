"""Which programs an address, or a specification of many, stands for."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workspace.errors import ToolError

_TYPE = "pte_program"
# One target, or `folder:` and `folder::`; no option, no glob, no list of addresses in a file.
_SPEC = re.compile(r"(//)?(?![-!@/])[^:*\s]*(::?|:(?!-)[^:*\s]+)?")
_REASON = re.compile(r"^\w+(?:Error|Exception): (.*)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Program:
    """address: as Pants writes it. pte: where `package` writes it, below `dist/`."""

    address: str
    pte: Path


def find_programs(
    root: Path, specs: Sequence[str], environment: Mapping[str, str]
) -> tuple[Program, ...]:
    """Ask `./pants peek` in the build root; sorted by address.

    Of `folder:` and `folder::`, only the programs count, and of these not those that their BUILD file declares
    unavailable.

    Raises ToolError for an unknown address, one of another kind of target, or no program at all.
    """
    for spec in specs:
        if not spec or _SPEC.fullmatch(spec) is None:
            raise ToolError(
                f"{spec!r} is no address; examples are models/mobilenet:mobilenet_v3_small_xnnpack "
                "and models/mobilenet::"
            )
    finished = subprocess.run(
        ["./pants", "--no-dynamic-ui", "--no-colors", "peek", *specs],
        cwd=root,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        reason = _REASON.search(finished.stderr)
        raise ToolError(
            f"Pants cannot read {' '.join(specs)}: {(reason[1] if reason else finished.stderr).strip()}"
        )
    return parse_peek(finished.stdout, specs)


def parse_peek(output: str, specs: Sequence[str]) -> tuple[Program, ...]:
    """Read the JSON that `peek` prints about `specs`. Raises ToolError as `find_programs` does."""
    targets = {target["address"]: target for target in json.loads(output)}
    for spec in specs:
        target = targets.get(spec.removeprefix("//")) or targets.get(spec)
        if target is not None and target["target_type"] != _TYPE:
            raise ToolError(
                f"{spec} is a {target['target_type']}, no {_TYPE}. List the programs with "
                f"`./pants --filter-target-type={_TYPE} list ::`"
            )
    named = {spec.removeprefix("//") for spec in specs} | set(specs)
    found = tuple(
        Program(address, _pte(address, target.get("output_path")))
        for address, target in sorted(targets.items())
        # A named one is kept: building it says why it cannot be had.
        if target["target_type"] == _TYPE and (not target.get("unavailable") or address in named)
    )
    if not found:
        raise ToolError(
            f"{' '.join(specs)}: no {_TYPE} there that can be had. List them with "
            f"`./pants --filter-target-type={_TYPE} list ::`"
        )
    return found


def _pte(address: str, output_path: str | None) -> Path:
    folder, _, name = address.removeprefix("//").partition(":")
    return Path(output_path or f"{folder}/{name or Path(folder).name}.pte".lstrip("/"))
