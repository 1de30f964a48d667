"""What every interpreter of a delegate's payload has in common.

An interpreter executes the graph that lies in the bytes, operator by operator, in PyTorch. It knows the
operators that our models use and refuses any other. It says whether the payload means what the eager
model computes; it says nothing of a device's own kernels.

An interpreter module has `interpret(payload, named_data) -> InterpretedProgram`, where `named_data` is what
the program keeps for its delegates outside of their payloads, by key. It raises PteError as `run` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from pte_foundry.backends.content import PayloadContent
from pte_foundry.errors import PteError


class InterpretedProgram(Protocol):
    """A payload's graph, ready to be executed."""

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Execute once.

        Raises:
            PteError: `structure` if the graph contradicts itself or the inputs; `not-interpretable`
                for an operator, or a use of one, that the interpreter does not know.
        """
        ...

    def content(self) -> PayloadContent:
        """What the payload stores and says of itself. Raises PteError as `run` does."""
        ...

    def broken_options(self, options: Mapping[str, str]) -> tuple[str, ...]:
        """One sentence for each option of the lowering that the payload does not keep to.

        Args:
            options: of the backend module, see its `OPTIONS`; one that is not there promises nothing.
        """
        ...


def damaged(where: str, why: str) -> PteError:
    """The error for a payload that contradicts itself."""
    return PteError("structure", f"{where}: {why}. Build the artifact again with `./pants package`")


def unknown(where: str, why: str) -> PteError:
    """The error for what an interpreter does not know."""
    return PteError(
        "not-interpretable",
        f"{where}: {why}. Teach it to the interpreter in pte_foundry.backends",
    )


def as_half(values: Tensor) -> Tensor:
    """Round float tensors to float16 and keep them as float32.

    Operators compute in float32 on such values and are rounded after: like a device that keeps
    float16 between operators and accumulates wider within one. Overflow becomes infinity, as there.
    """
    if not values.is_floating_point():
        return values
    return values.to(torch.float16).to(torch.float32)
