"""`levelwise_detection` for backends that compute in float16.

exp(12) is beyond float16's 65504, and a trained head's logits reach 20, so that the mean distance
needs a softmax, which subtracts the greatest logit first. Decoded as maps the tensors also stay
within the extents of a GPU's image textures: the flat list of a 640x640 input has 8400 boxes, where
Apple's GPUs take 2048, and Vulkan then leaves the convolution after the softmax to the CPU.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pte_foundry.rewrites.levelwise_detection import decode_levelwise, four_sides
from pte_foundry.rewrites.weights import convolution


class SoftmaxMean(nn.Module):
    """Logits [1, 4 * bins, H, W] -> mean distances [1, 4, H, W]."""

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.bins = bins
        self.expectation = convolution(four_sides(torch.arange(bins, dtype=torch.float32)), None)

    def forward(self, logits: Tensor) -> Tensor:
        _, _, height, width = logits.shape
        # The sides as a batch for the softmax alone: Vulkan has no convolution of a batch of four.
        weights = logits.reshape(4, self.bins, height, width).softmax(1)
        mean: Tensor = self.expectation(weights.reshape(1, 4 * self.bins, height, width))
        return mean


def rewrite(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of `module` with `LevelwiseDetection` for its `Detect`, see `decode_levelwise`."""
    return decode_levelwise(module, example_inputs, SoftmaxMean)
