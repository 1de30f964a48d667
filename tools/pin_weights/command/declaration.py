"""What Pants knows of a `model_weights` target."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workspace.errors import ToolError
from workspace.peek import peek

# One target: no option, no glob, no list of addresses in a file.
_ADDRESS = re.compile(r"(//)?(?![-!@/])[^:*\s]*(:(?!-)[^:*\s]+)?")


@dataclass(frozen=True)
class WeightsDeclaration:
    """address: as Pants writes it. folder: of the BUILD file, relative to the build root."""

    address: str
    folder: Path
    name: str
    file: str
    urls: tuple[str, ...]
    source_page: str | None


def check_address(address: str) -> None:
    """Raises ToolError for anything but the address of one target."""
    if not address or _ADDRESS.fullmatch(address) is None:
        raise ToolError(
            f"{address!r} is not the address of one target; "
            "an example is models/yolo:yolov5n_weights"
        )


def read_declaration(
    root: Path, address: str, environment: Mapping[str, str]
) -> WeightsDeclaration:
    """Ask `./pants peek` in the build root. Raises ToolError for an unknown or another kind of target."""
    check_address(address)
    return parse_peek(peek(root, [address], environment), address)


def parse_peek(targets: Sequence[Mapping[str, Any]], address: str) -> WeightsDeclaration:
    """Read what `peek` says. Raises ToolError unless it is about one `model_weights`."""
    found = [f"{target['address']} ({target['target_type']})" for target in targets]
    if len(targets) != 1 or targets[0]["target_type"] != "model_weights":
        raise ToolError(
            f"{address}: expected one model_weights target, found "
            f"{', '.join(found) or 'none'}. List them with "
            "`./pants --filter-target-type=model_weights list ::`"
        )
    (target,) = targets
    folder, _, name = target["address"].removeprefix("//").partition(":")
    return WeightsDeclaration(
        address=target["address"],
        folder=Path(folder),
        name=name or Path(folder).name,
        file=target["file"],
        urls=tuple(target["urls"] or ()),
        source_page=target["source_page"],
    )
