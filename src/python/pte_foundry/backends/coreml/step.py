"""One operation of a MIL program that is no constant."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Step:
    """An operation: its arguments are names of earlier results, or lists of such names.

    Attributes:
        where: for messages.
        arguments: name of the argument -> names of values.
        lists: arguments that are lists.
        outputs: name, element type and shape of each result.
    """

    operator: str
    where: str
    arguments: dict[str, list[str]]
    lists: frozenset[str]
    outputs: tuple[tuple[str, torch.dtype, tuple[int, ...]], ...]
