"""CSP blocks that compute two halves, instead of computing one whole and cutting it.

`C2f`, `C3k2` and `C2PSA` of ultralytics run one 1x1 convolution and chunk its output into halves.
XNNPACK has no chunk with several outputs, so every such block ends a delegate call. The halves of a
convolution's output are the outputs of two convolutions that have the halves of its weight.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from pte_foundry.rewrites.fold_batch_norm import ConvolutionActivation
from pte_foundry.rewrites.surgery import (
    check_unchanged,
    child,
    class_name,
    convolution,
    number,
    refuse,
    replace,
)


class SplitC2f(nn.Module):
    """cv2([first(x), second(x), blocks[0](second(x)), blocks[1](blocks[0](second(x))), ...])"""

    def __init__(
        self, first: nn.Module, second: nn.Module, blocks: nn.ModuleList, cv2: nn.Module
    ) -> None:
        super().__init__()
        self.first, self.second, self.blocks, self.cv2 = first, second, blocks, cv2

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.first(x), self.second(x)]
        for block in self.blocks:
            parts.append(block(parts[-1]))
        y: Tensor = self.cv2(torch.cat(parts, 1))
        return y


class SplitC2PSA(nn.Module):
    """cv2([first(x), blocks(second(x))])"""

    def __init__(
        self, first: nn.Module, second: nn.Module, blocks: nn.Sequential, cv2: nn.Module
    ) -> None:
        super().__init__()
        self.first, self.second, self.blocks, self.cv2 = first, second, blocks, cv2

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.cv2(torch.cat((self.first(x), self.blocks(self.second(x))), 1))
        return y


def rewrite(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of `module` without chunks in its CSP blocks; needs `fold_batch_norm` before.

    Raises:
        PteError: `bad-rewrite` if there is no such block, or one is built differently.
    """
    rewritten = copy.deepcopy(module)
    found = 0
    # Blocks may hold blocks: the list is made before anything is replaced, inner ones come later.
    for path, block in list(rewritten.named_modules()):
        if class_name(block) in ("C2f", "C3k2"):
            blocks = child(block, "m", nn.ModuleList)
            replace(rewritten, path, SplitC2f(*_halves(block), blocks, _merge(block)))
        elif class_name(block) == "C2PSA":
            sequence = child(block, "m", nn.Sequential)
            replace(rewritten, path, SplitC2PSA(*_halves(block), sequence, _merge(block)))
        else:
            continue
        found += 1
    if found == 0:
        raise refuse("splitting CSP blocks: the model has no C2f, C3k2 or C2PSA")
    check_unchanged("splitting CSP blocks", module, rewritten, example_inputs)
    return rewritten


def _merge(block: nn.Module) -> nn.Module:
    return child(block, "cv2", nn.Module)


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
