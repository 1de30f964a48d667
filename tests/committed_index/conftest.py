"""The committed index, for tests of what it promises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def index() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Path("index.json").read_bytes())
    return document
