"""Where this session's packages come from."""

from __future__ import annotations

import json
import os


def session_addresses(variable: str) -> list[str]:
    """The launcher hands pip's settings to Pants as JSON lists in the environment."""
    value = os.environ.get(variable)
    return [] if not value else [str(item) for item in json.loads(value)]
