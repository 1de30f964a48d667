from __future__ import annotations

from typing import Any

import pytest

from doctor.facts.pants_options import parse_options, text_option
from workspace.errors import ToolError


def option(name: str, *values: object) -> dict[str, Any]:
    return {
        "config_key": name,
        "value_history": {"ranked_values": [{"rank": "NONE", "value": each} for each in values]},
    }


def test_the_value_of_highest_rank_counts() -> None:
    options = parse_options(
        {
            "scope_to_help_info": {
                "": {"basic": [option("a", None, "default", "set")], "advanced": []},
                "qnn": {"basic": [], "advanced": [option("sdk_root", None)]},
            }
        }
    )
    assert text_option(options, "", "a") == "set"
    assert text_option(options, "qnn", "sdk_root") is None
    with pytest.raises(ToolError, match=r"no option `b` in \[GLOBAL\]"):
        text_option(options, "", "b")
