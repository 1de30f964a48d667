"""The values of Pants' options in this session: `./pants help-all`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workspace.errors import ToolError

Options = Mapping[str, Mapping[str, object]]
"""Scope (empty for GLOBAL) -> option as in pants.toml -> its value."""


def read_options(root: Path, environment: Mapping[str, str]) -> Options:
    """Ask Pants in the build root. Raises ToolError if it does not answer."""
    finished = subprocess.run(
        ["./pants", "--no-colors", "help-all"],
        cwd=root,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise ToolError(f"{root}: `./pants help-all` failed: {finished.stderr.strip()}")
    return parse_options(json.loads(finished.stdout))


def parse_options(answer: Mapping[str, Any]) -> Options:
    """The effective value of each option in the output of `help-all`."""
    options: dict[str, dict[str, object]] = {}
    for scope, info in answer["scope_to_help_info"].items():
        options[scope] = {
            option["config_key"]: option["value_history"]["ranked_values"][-1]["value"]
            for group in ("basic", "advanced")
            for option in info[group]
            if option["value_history"] and option["value_history"]["ranked_values"]
        }
    return options


def text_option(options: Options, scope: str, name: str) -> str | None:
    """The option's value; None if it is unset or empty. Raises ToolError for an unknown option."""
    try:
        value = options[scope][name]
    except KeyError:
        raise ToolError(f"Pants knows no option `{name}` in [{scope or 'GLOBAL'}]") from None
    return str(value) if value else None
