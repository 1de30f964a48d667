"""The commands of the hooks that pre-commit runs."""

from __future__ import annotations

from pathlib import Path

import yaml  # type: ignore[import-untyped]

CONFIGURATION = Path(".pre-commit-config.yaml")


def hook_commands() -> list[str]:
    configuration = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))
    return [hook["entry"] for source in configuration["repos"] for hook in source["hooks"]]
