"""Hardsigmoid with float constants, so that XNNPACK takes the squeeze-and-excitation blocks.

The decomposition of `aten.hardsigmoid` writes its 3 and 6 as integers. The edge dialect turns these
into int64 scalar tensors with a cast to float32 each, and XNNPACK leaves the casts to the portable
kernels: two operators per block of MobileNetV3. With the formula spelled out in floats there is
nothing to cast. `nn.Hardswish` needs no such help: XNNPACK keeps that operator whole.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class FloatHardsigmoid(nn.Module):
    """clamp(x + 3, 0, 6) / 6, the definition of `torch.nn.Hardsigmoid`; float, any shape."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.clamp(x + 3.0, 0.0, 6.0) * (1.0 / 6.0)


def rewrite(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of `module` in which every `nn.Hardsigmoid` is a `FloatHardsigmoid`.

    Multiplying by 1/6 instead of dividing by 6 moves the gate by one unit in the last place at
    most. Calls of the function `torch.nn.functional.hardsigmoid` are not modules and stay.
    """
    if isinstance(module, nn.Hardsigmoid):
        return FloatHardsigmoid()
    rewritten = copy.deepcopy(module)
    for path, child in list(rewritten.named_modules(remove_duplicate=False)):
        if isinstance(child, nn.Hardsigmoid):
            parent, _, name = path.rpartition(".")
            setattr(rewritten.get_submodule(parent), name, FloatHardsigmoid())
    return rewritten
