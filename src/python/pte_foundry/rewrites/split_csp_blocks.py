"""CSP blocks that compute two halves, instead of computing one whole and cutting it.

`C2f`, `C3k2` and `C2PSA` of ultralytics run one 1x1 convolution and chunk its output into halves.
XNNPACK has no chunk with several outputs, so every such block ends a delegate call. The halves of a
convolution's output are the outputs of two convolutions that have the halves of its weight.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pte_foundry.rewrites.fold_batch_norm import ConvolutionActivation
from pte_foundry.rewrites.surgery import child, class_name, number, refuse, replace_layers
from pte_foundry.rewrites.weights import convolution


class _SplitBlock(nn.Module):
    """The two halves of a block's first convolution, its inner blocks and its last convolution."""

    def __init__(self, block: nn.Module, kind: type[nn.Module]) -> None:
        super().__init__()
        self.first, self.second = _halves(block)
        self.blocks = child(block, "m", kind)
        self.cv2 = child(block, "cv2", nn.Module)


class SplitC2f(_SplitBlock):
    """cv2([first(x), second(x), blocks[0](second(x)), blocks[1](blocks[0](second(x))), ...])"""

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.first(x), self.second(x)]
        for block in self.blocks:
            parts.append(block(parts[-1]))
        y: Tensor = self.cv2(torch.cat(parts, 1))
        return y


class SplitC2PSA(_SplitBlock):
    """cv2([first(x), blocks(second(x))])"""

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.cv2(torch.cat((self.first(x), self.blocks(self.second(x))), 1))
        return y


def rewrite(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of `module` without chunks in its CSP blocks; needs `fold_batch_norm` before.

    Raises:
        PteError: `bad-rewrite` if there is no such block, or one is built differently.
    """
    names = ("C2f", "C3k2", "C2PSA")
    return replace_layers("splitting CSP blocks", module, example_inputs, names, _split)


def _split(path: str, block: nn.Module) -> _SplitBlock:
    if class_name(block) == "C2PSA":
        return SplitC2PSA(block, nn.Sequential)
    return SplitC2f(block, nn.ModuleList)


def _halves(block: nn.Module) -> tuple[ConvolutionActivation, ConvolutionActivation]:
    whole = child(block, "cv1", ConvolutionActivation)
    conv, channels = child(whole, "conv", nn.Conv2d), number(block, "c")
    if conv.out_channels != 2 * channels or conv.groups != 1:
        raise refuse(
            f"splitting CSP blocks: the first convolution of a {class_name(block)} has "
            f"{conv.out_channels} channels in {conv.groups} groups, not 2 x {channels} in one"
        )
    first, second = (
        ConvolutionActivation(
            convolution(conv.weight[part], None if conv.bias is None else conv.bias[part], conv),
            whole.act,
        )
        for part in (slice(0, channels), slice(channels, None))
    )
    return first, second
