"""SiLU as a sigmoid and a product, so that a quantizer can reach what is between them.

`torch.nn.SiLU` is `x * sigmoid(x)` (Elfwing, Uchibe, Doya, "Sigmoid-Weighted Linear Units", 2018). XNNPACK
has no integer SiLU, but it has an integer sigmoid and an integer product. Left as one operator, it would
be taken apart after quantization only, with a float sigmoid between two conversions.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from pte_foundry.rewrites.surgery import refuse


class SpelledOutSiLU(nn.Module):
    """x * sigmoid(x), the definition of `torch.nn.SiLU`; float, any shape."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(x)


def rewrite(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of `module` in which every `nn.SiLU` is a `SpelledOutSiLU`.

    The result differs by the last rounding at most. Layers that shared one activation get one each, so
    that each has its own path. Calls of `torch.nn.functional.silu` are not modules and stay.

    Raises:
        PteError: `bad-rewrite` if there is no `nn.SiLU`.
    """
    if isinstance(module, nn.SiLU):
        return SpelledOutSiLU()
    rewritten = copy.deepcopy(module)
    found = [
        path
        for path, layer in rewritten.named_modules(remove_duplicate=False)
        if isinstance(layer, nn.SiLU)
    ]
    if not found:
        raise refuse("spelling out SiLU: the model has no `SiLU`")
    for path in found:
        parent, _, name = path.rpartition(".")
        # Not setattr: a Sequential's children have numbers as names.
        rewritten.get_submodule(parent)._modules[name] = SpelledOutSiLU()
    return rewritten
