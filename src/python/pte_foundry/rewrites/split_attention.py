"""Self-attention over the pixels of a map, in the operators that XNNPACK takes.

`Attention` of ultralytics computes queries, keys and values with one convolution and splits the
result in four dimensions. Three convolutions need no split, and three dimensions are what XNNPACK's
batched matrix multiplication takes. The scale of the softmax is part of the query's weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pte_foundry.rewrites.fold_batch_norm import ConvolutionActivation
from pte_foundry.rewrites.surgery import child, number, refuse, replace_layers
from pte_foundry.rewrites.weights import convolution


class SplitAttention(nn.Module):
    """float [1, C, H, W] -> float [1, C, H, W].

    Attributes:
        query, key: 1x1 convolutions to heads * key_channels channels.
        value: 1x1 convolution to C channels.
        position: depthwise convolution of the values, added as the encoding of positions.
        projection: 1x1 convolution.
    """

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.heads = number(attention, "num_heads")
        self.key_channels = number(attention, "key_dim")
        self.head_channels = number(attention, "head_dim")
        scale = getattr(attention, "scale", None)
        if not isinstance(scale, float):
            raise refuse("splitting attention: its scale is not a number")
        joint = child(attention, "qkv", ConvolutionActivation)
        conv = child(joint, "conv", nn.Conv2d)
        rows = 2 * self.key_channels + self.head_channels
        if (
            not isinstance(joint.act, nn.Identity)
            or conv.kernel_size != (1, 1)
            or conv.groups != 1
            or conv.out_channels != self.heads * rows
            or conv.bias is None
        ):
            raise refuse("splitting attention: `qkv` is not a plain 1x1 convolution of the heads")
        weight = conv.weight.reshape(self.heads, rows, conv.in_channels)
        bias = conv.bias.reshape(self.heads, rows)

        def part(start: int, end: int, factor: float = 1.0) -> nn.Conv2d:
            return convolution(
                (weight[:, start:end] * factor).reshape(-1, conv.in_channels, 1, 1),
                (bias[:, start:end] * factor).reshape(-1),
            )

        keys = self.key_channels
        self.query, self.key, self.value = (
            part(0, keys, scale),
            part(keys, 2 * keys),
            part(2 * keys, rows),
        )
        self.position = child(attention, "pe", nn.Module)
        self.projection = child(attention, "proj", nn.Module)

    def forward(self, x: Tensor) -> Tensor:
        _, channels, height, width = x.shape
        pixels = height * width
        query = self.query(x).reshape(self.heads, self.key_channels, pixels)
        key = self.key(x).reshape(self.heads, self.key_channels, pixels)
        value = self.value(x)
        weights = torch.softmax(torch.bmm(query.transpose(1, 2), key), dim=-1)
        mixed = torch.bmm(
            value.reshape(self.heads, self.head_channels, pixels), weights.transpose(1, 2)
        )
        y: Tensor = self.projection(
            mixed.reshape(1, channels, height, width) + self.position(value)
        )
        return y


def rewrite(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of `module` with `SplitAttention` for `Attention`; needs `fold_batch_norm` before.

    Raises:
        PteError: `bad-rewrite` if there is no attention, or it is built differently.
    """
    return replace_layers(
        "splitting attention",
        module,
        example_inputs,
        ("Attention",),
        lambda path, layer: SplitAttention(layer),
    )
