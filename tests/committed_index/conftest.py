"""The committed indexes, for tests of what they promise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

# The latest ExecuTorch's first.
FILES = ("index.json", "index_1_4.json")


@pytest.fixture(scope="session")
def indexes() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(Path(file).read_bytes()) for file in FILES)


@pytest.fixture(scope="session", params=range(len(FILES)), ids=FILES)
def index(request: Any, indexes: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """Each of them."""
    chosen: dict[str, Any] = indexes[request.param]
    return chosen
