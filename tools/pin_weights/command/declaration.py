"""What Pants knows of a `model_weights` target."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pin_weights.command.errors import PinError

# One target: no option, no glob, no list of addresses in a file.
_ADDRESS = re.compile(r"(//)?(?![-!@/])[^:*\s]*(:(?!-)[^:*\s]+)?")
_REASON = re.compile(r"^\w+(?:Error|Exception): (.*)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Declaration:
    """address: as Pants writes it. folder: of the BUILD file, relative to the build root."""

    address: str
    folder: Path
    name: str
    file: str
    urls: tuple[str, ...]
    source_page: str | None


def check_address(address: str) -> None:
    """Raises PinError for anything but the address of one target."""
    if not address or _ADDRESS.fullmatch(address) is None:
        raise PinError(
            f"{address!r} is not the address of one target; "
            "an example is models/yolo:yolov5n_weights"
        )


def read_declaration(root: Path, address: str, environment: Mapping[str, str]) -> Declaration:
    """Ask `./pants peek` in the build root. Raises PinError for an unknown or another kind of target."""
    check_address(address)
    finished = subprocess.run(
        ["./pants", "--no-dynamic-ui", "--no-colors", "peek", address],
        cwd=root,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        reason = _REASON.search(finished.stderr)
        raise PinError(
            f"{address}: Pants cannot read it: {(reason[1] if reason else finished.stderr).strip()}"
        )
    return parse_peek(finished.stdout, address)


def parse_peek(output: str, address: str) -> Declaration:
    """Read the JSON that `peek` prints. Raises PinError unless it is about one `model_weights`."""
    targets = json.loads(output)
    found = [f"{target['address']} ({target['target_type']})" for target in targets]
    if len(targets) != 1 or targets[0]["target_type"] != "model_weights":
        raise PinError(
            f"{address}: expected one model_weights target, found "
            f"{', '.join(found) or 'none'}. List them with "
            "`./pants --filter-target-type=model_weights list ::`"
        )
    (target,) = targets
    folder, _, name = target["address"].removeprefix("//").partition(":")
    return Declaration(
        address=target["address"],
        folder=Path(folder),
        name=name or Path(folder).name,
        file=target["file"],
        urls=tuple(target["urls"] or ()),
        source_page=target["source_page"],
    )
