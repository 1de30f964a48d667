"""What the tests of rewrites ask again and again."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.inspection.delegation import ProgramFacts, inspect_program


def relative_difference(
    original: nn.Module, rewritten: nn.Module, inputs: Sequence[tuple[Tensor, ...]]
) -> float:
    """Greatest difference of any output element, relative to the range of the original's."""
    worst = 0.0
    with torch.no_grad():
        for one in inputs:
            expected, actual = original(*one), rewritten(*one)
            assert actual.shape == expected.shape
            span = float(expected.max() - expected.min())
            assert span > 0.1, "an output that hardly varies proves nothing"
            worst = max(worst, float((actual - expected).abs().max()) / span)
    return worst


def lower_to_xnnpack(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[bytes, ProgramFacts]:
    """The bytes of a `.pte`, and what they say."""
    with torch.no_grad():
        program = torch.export.export(module, inputs, strict=False)
        pte = bytes(xnnpack.lower(LoweringRequest(program, "fp32", {})).program.buffer)
    return pte, inspect_program(pte)


def snapshot(module: nn.Module) -> tuple[str, dict[str, Tensor]]:
    """Structure and values of a module, to see that a rewrite left it alone."""
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return repr(module), {name: tensor.clone() for name, tensor in tensors.items()}


def unchanged(module: nn.Module, before: tuple[str, dict[str, Tensor]]) -> bool:
    structure, tensors = snapshot(module)
    return (
        structure == before[0]
        and tensors.keys() == before[1].keys()
        and all(torch.equal(tensors[name], before[1][name]) for name in tensors)
    )
