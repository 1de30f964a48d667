"""The option of tools that build: where weights come from."""

from __future__ import annotations

from enum import Enum


class SourceOfWeights(str, Enum):
    """The values of `[weights] source`."""

    official = "official"
    seeded = "seeded"


def weights_options(source: SourceOfWeights | None) -> tuple[str, ...]:
    """Options of `./pants`; empty for None, which leaves the user's setting."""
    return () if source is None else (f"--weights-source={source.value}",)
