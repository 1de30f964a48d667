"""What a backend makes of a small model."""

from __future__ import annotations

import torch
from torch import Tensor

from pte_foundry.backends.interpreter import InterpretedProgram
from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.inspection.payloads import delegate_payloads, named_data
from pte_foundry.models.plugins import load_module
from pte_foundry.testing.small_models import build, picture


def lower(backend: str, model: str) -> tuple[bytes, dict[str, bytes]]:
    """The only payload, in float16, and the program's named data."""
    module = load_module(
        "lowering",
        f"pte_foundry.backends.{backend}.lowering",
        ("lower",),
        "pte_foundry.backends.coreml.lowering",
    )
    exported = torch.export.export(build(model), (picture(),), strict=False)
    pte = bytes(module.lower(LoweringRequest(exported, "fp16", {})).program.buffer)
    (payload,) = delegate_payloads(pte)
    return payload.payload, named_data(pte)


def largest_difference(program: InterpretedProgram, model: str) -> float:
    """From the eager model, over several pictures, relative to the range of its output."""
    eager, worst = build(model), 0.0
    for number in range(3):
        expected: Tensor = eager(picture(number))
        (found,) = program.run([picture(number)])
        span = float(expected.max() - expected.min())
        worst = max(worst, float((found - expected).abs().max()) / span)
    return worst
