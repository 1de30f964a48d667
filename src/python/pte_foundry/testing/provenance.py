"""A sample index and origin for the tests of the provenance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pte_foundry.index.index import build_index
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.tree_request import Origin
from pte_foundry.testing.indexes import read_request, sample_origin, write_reports

LOCK = "3rdparty/python/engine.lock"
LOCK_TEXT = b"""\
# Locked.
ExecuTorch==1.4.1 \\
    --hash=sha256:00
torch==2.13.0 ; sys_platform == "linux" \\
    --hash=sha256:01
torch==2.13.1 ; sys_platform == "darwin" \\
    --hash=sha256:02
"""


def sample_index(folder: Path, **changes: object) -> dict[str, Any]:
    """The index of an XNNPACK and a portable program, of official weights."""
    write_reports(folder)
    return build_index(read_request(folder, **changes))


def read_origin(**changes: object) -> Origin:
    return Origin.read(Fields(sample_origin(LOCK, **changes), "tree_request.json"))
