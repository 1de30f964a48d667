"""The checkpoints behind the programs of an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pte_foundry.records.declared import Weights
from pte_foundry.records.json_fields import Fields


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint, and the addresses of the programs that were made from it, sorted."""

    weights: Weights
    programs: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.weights.address


def checkpoints(models: Sequence[Fields]) -> tuple[Checkpoint, ...]:
    """The checkpoints behind the programs of an index, each once, sorted by name.

    Args:
        models: the `models` of an index.

    Raises:
        PteError: `bad-request` naming the field that is missing or wrong.
    """
    found: dict[Weights, list[str]] = {}
    for model in models:
        found.setdefault(Weights.read(model.nested("weights")), []).append(model.text("address"))
    listed = [Checkpoint(weights, tuple(sorted(programs))) for weights, programs in found.items()]
    return tuple(sorted(listed, key=lambda each: (each.name, each.weights.sha256 or "")))
