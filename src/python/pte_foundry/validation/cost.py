"""What a run of a model costs, so that a slow program is run less often."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pte_foundry.models.fixed_inputs import sizes_to_try
from pte_foundry.models.forward import buffer_versions, kept_state
from pte_foundry.validation.inputs import fixed_input_sets
from pte_foundry.validation.request import ValidationRequest

SLOW = 2_000_000_000
"""Multiply-accumulates of a run from which on a program without delegates is run on one input.

Portable kernels do about 200 million in a second, so such a run takes ten seconds, and one of PE-Core B16 a minute and
a half. A delegate does some ten thousand million. The second input adds nothing that a mutant in tests/mutants shows.
"""


def why_one_input(request: ValidationRequest, module: nn.Module) -> str | None:
    """Why the program is run on one input only; None for two or more. Runs the model once, if it has to.

    A count and not a time: what a validation checks depends on no machine. A program with dynamic dimensions is run on
    all sizes, and one that keeps state several times in a row, however long that takes.
    """
    if request.report.delegation.calls or sizes_to_try(request.model.inputs):
        return None
    versions = buffer_versions(module)
    with kept_state(module):
        cost = multiply_accumulates(module, next(iter(fixed_input_sets(request).values())))
        keeps_state = buffer_versions(module) != versions
    if keeps_state or cost < SLOW:
        return None
    return (
        f"a run takes {cost / 1e9:.1f} thousand million multiply-accumulates on portable kernels, so the program is "
        "run on one input"
    )


def multiply_accumulates(module: nn.Module, inputs: Sequence[Tensor]) -> int:
    """Of one run: those of matrix products and convolutions."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(*(one.clone() for one in inputs))
    # It counts a multiplication and an addition each.
    return int(counter.get_total_flops()) // 2
