"""The rows of the table: operators as people write them, each a model of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from operator_table.inside import functions, layers


@dataclass(frozen=True)
class Row:
    """group: the section of the page. name: as the page has it. inputs: as a target declares them."""

    group: str
    name: str
    make: Callable[[], Any]
    inputs: tuple[str, ...]

    def module(self) -> nn.Module:
        """In eval mode, with the same weights every time."""
        with torch.random.fork_rng():
            torch.manual_seed(0)
            made = self.make()
        module = made if isinstance(made, nn.Module) else _Calling(made)
        return module.eval()


class _Calling(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(*inputs)


def rows() -> Mapping[str, Row]:
    """By name, in the page's order."""
    found: dict[str, Row] = {}
    for group, operators in {**layers.GROUPS, **functions.GROUPS}.items():
        for name, (make, *inputs) in operators.items():
            if name in found:
                raise ValueError(f"two rows have the name {name!r}")
            found[name] = Row(group, name, make, tuple(inputs))
    return found
