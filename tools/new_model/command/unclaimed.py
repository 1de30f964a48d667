"""Checkpoints in the repository that no target pins."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pin_weights.command.content import content_of_file

CHECKPOINTS = "checkpoints"
"""Folder for checkpoints, which git ignores and `[weights].distdirs` names."""

_SUFFIXES = (".ckpt", ".pt", ".pt2", ".pth", ".safetensors")
_PIN = re.compile(r"\bsha256\s*=\s*['\"]([0-9a-f]{64})['\"]", re.ASCII)


def unclaimed_checkpoints(root: Path, files: Iterable[Path]) -> list[Path]:
    """Those of which no BUILD file has the SHA-256, relative to the root and sorted.

    Args:
        files: of the repository, relative to the root; the folder `checkpoints` is looked at besides.
    """
    known = list(files)
    pins = {
        pin
        for file in known
        if file.name == "BUILD" or file.name.startswith("BUILD.")
        for pin in _PIN.findall((root / file).read_text(encoding="utf-8"))
    }
    kept = [path.relative_to(root) for path in (root / CHECKPOINTS).rglob("*") if path.is_file()]
    candidates = {path for path in (*known, *kept) if path.suffix in _SUFFIXES}
    return sorted(path for path in candidates if content_of_file(root / path).sha256 not in pins)
