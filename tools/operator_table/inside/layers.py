"""Operators with weights, and those between them: name -> what makes a module or a function, and its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIGNAL, PICTURE, VOLUME = "float32[1,8,32]", "float32[1,8,16,16]", "float32[1,4,8,8,8]"
SEQUENCE, VECTOR = "float32[1,12,16]", "float32[4,16]"
HEADS = ("float32[1,2,12,8]",) * 3
TOKENS = "int64[2,6]{0..19}"

Operators = Mapping[str, tuple[Any, ...]]


class Attention(nn.Module):
    """`nn.MultiheadAttention` of a sequence with itself."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.attention(x, x, x, need_weights=False)[0]
        return found


def _masked(q: Tensor, k: Tensor, v: Tensor, keep: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v, attn_mask=keep)


def _written_out(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention without a mask, as older models spell it."""
    return torch.softmax(q @ k.transpose(-2, -1) * 8**-0.5, -1) @ v


def _filled(q: Tensor, k: Tensor, v: Tensor, keep: Tensor) -> Tensor:
    scores = (q @ k.transpose(-2, -1)).masked_fill(~keep, float("-inf"))
    return torch.softmax(scores, -1) @ v


GROUPS: Mapping[str, Operators] = {
    "Convolutions and linear layers": {
        "nn.Conv1d": (lambda: nn.Conv1d(8, 8, 3), SIGNAL),
        "nn.Conv2d": (lambda: nn.Conv2d(8, 8, 3), PICTURE),
        "nn.Conv2d, depthwise": (lambda: nn.Conv2d(8, 8, 3, groups=8), PICTURE),
        "nn.Conv2d, grouped": (lambda: nn.Conv2d(8, 8, 3, groups=2), PICTURE),
        "nn.Conv2d, dilated": (lambda: nn.Conv2d(8, 8, 3, dilation=2), PICTURE),
        "nn.Conv2d, padding_mode='reflect'": (
            lambda: nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"),
            PICTURE,
        ),
        "nn.Conv3d": (lambda: nn.Conv3d(4, 4, 3), VOLUME),
        "nn.ConvTranspose1d": (lambda: nn.ConvTranspose1d(8, 8, 2, 2), SIGNAL),
        "nn.ConvTranspose2d": (lambda: nn.ConvTranspose2d(8, 8, 2, 2), PICTURE),
        "nn.ConvTranspose3d": (lambda: nn.ConvTranspose3d(4, 4, 2, 2), VOLUME),
        "nn.Linear": (lambda: nn.Linear(16, 8), VECTOR),
        "nn.Linear of a sequence": (lambda: nn.Linear(16, 8), SEQUENCE),
        "nn.Bilinear": (lambda: nn.Bilinear(16, 16, 4), VECTOR, VECTOR),
    },
    "Embeddings, recurrent layers, attention": {
        "nn.Embedding": (lambda: nn.Embedding(20, 8), TOKENS),
        "nn.EmbeddingBag, mean": (lambda: nn.EmbeddingBag(20, 8), TOKENS),
        "nn.EmbeddingBag, sum": (lambda: nn.EmbeddingBag(20, 8, mode="sum"), TOKENS),
        "nn.RNN": (lambda: nn.RNN(16, 8, batch_first=True), SEQUENCE),
        "nn.LSTM": (lambda: nn.LSTM(16, 8, batch_first=True), SEQUENCE),
        "nn.LSTM, bidirectional": (
            lambda: nn.LSTM(16, 8, batch_first=True, bidirectional=True),
            SEQUENCE,
        ),
        "nn.GRU": (lambda: nn.GRU(16, 8, batch_first=True), SEQUENCE),
        "F.scaled_dot_product_attention": (lambda: F.scaled_dot_product_attention, *HEADS),
        "F.scaled_dot_product_attention, is_causal": (
            lambda: lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
            *HEADS,
        ),
        "F.scaled_dot_product_attention, bool mask": (lambda: _masked, *HEADS, "bool[12,12]"),
        "F.scaled_dot_product_attention, float mask": (lambda: _masked, *HEADS, "float32[12,12]"),
        "attention as matmul and softmax": (lambda: _written_out, *HEADS),
        "the same, masked_fill with -inf": (lambda: _filled, *HEADS, "bool[12,12]"),
        "nn.MultiheadAttention": (Attention, SEQUENCE),
        "nn.TransformerEncoderLayer": (
            lambda: nn.TransformerEncoderLayer(16, 2, 32, batch_first=True),
            SEQUENCE,
        ),
    },
    "Normalisation": {
        "nn.BatchNorm1d": (lambda: nn.BatchNorm1d(8), SIGNAL),
        "nn.BatchNorm2d": (lambda: nn.BatchNorm2d(8), PICTURE),
        "nn.LayerNorm": (lambda: nn.LayerNorm(16), SEQUENCE),
        "nn.GroupNorm": (lambda: nn.GroupNorm(2, 8), PICTURE),
        "nn.InstanceNorm2d": (lambda: nn.InstanceNorm2d(8), PICTURE),
        "nn.RMSNorm": (lambda: nn.RMSNorm(16), SEQUENCE),
        "nn.LocalResponseNorm": (lambda: nn.LocalResponseNorm(2), PICTURE),
        "F.normalize": (lambda: F.normalize, VECTOR),
    },
    "Activations": {
        "nn.ReLU": (nn.ReLU, PICTURE),
        "nn.ReLU6": (nn.ReLU6, PICTURE),
        "nn.LeakyReLU": (nn.LeakyReLU, PICTURE),
        "nn.PReLU": (lambda: nn.PReLU(8), PICTURE),
        "nn.ELU": (nn.ELU, PICTURE),
        "nn.SELU": (nn.SELU, PICTURE),
        "nn.GELU": (nn.GELU, PICTURE),
        "nn.GELU, tanh": (lambda: nn.GELU("tanh"), PICTURE),
        "nn.SiLU": (nn.SiLU, PICTURE),
        "nn.Mish": (nn.Mish, PICTURE),
        "nn.Hardswish": (nn.Hardswish, PICTURE),
        "nn.Hardsigmoid": (nn.Hardsigmoid, PICTURE),
        "nn.Sigmoid": (nn.Sigmoid, PICTURE),
        "nn.Tanh": (nn.Tanh, PICTURE),
        "nn.Softplus": (nn.Softplus, PICTURE),
        "nn.Softmax, last dimension": (lambda: nn.Softmax(-1), SEQUENCE),
        "nn.Softmax, channels": (lambda: nn.Softmax(1), PICTURE),
        "nn.LogSoftmax": (lambda: nn.LogSoftmax(-1), SEQUENCE),
        "nn.GLU": (lambda: nn.GLU(1), PICTURE),
    },
    "Pooling, resizing, padding": {
        "nn.MaxPool1d": (lambda: nn.MaxPool1d(2), SIGNAL),
        "nn.MaxPool2d": (lambda: nn.MaxPool2d(2), PICTURE),
        "nn.MaxPool2d, ceil_mode": (lambda: nn.MaxPool2d(3, 2, ceil_mode=True), PICTURE),
        "nn.MaxPool3d": (lambda: nn.MaxPool3d(2), VOLUME),
        "nn.AvgPool1d": (lambda: nn.AvgPool1d(2), SIGNAL),
        "nn.AvgPool2d": (lambda: nn.AvgPool2d(2), PICTURE),
        "nn.AdaptiveAvgPool2d(1)": (lambda: nn.AdaptiveAvgPool2d(1), PICTURE),
        "nn.AdaptiveAvgPool2d(5)": (lambda: nn.AdaptiveAvgPool2d(5), PICTURE),
        "nn.AdaptiveAvgPool3d(2)": (lambda: nn.AdaptiveAvgPool3d(2), VOLUME),
        "nn.AdaptiveMaxPool2d(1)": (lambda: nn.AdaptiveMaxPool2d(1), PICTURE),
        "nn.AdaptiveMaxPool2d(5)": (lambda: nn.AdaptiveMaxPool2d(5), PICTURE),
        "F.interpolate, nearest": (
            lambda: lambda x: F.interpolate(x, scale_factor=2.0, mode="nearest"),
            PICTURE,
        ),
        "F.interpolate, bilinear": (
            lambda: lambda x: F.interpolate(x, scale_factor=2.0, mode="bilinear"),
            PICTURE,
        ),
        "F.interpolate, bilinear, align_corners": (
            lambda: lambda x: F.interpolate(
                x, scale_factor=2.0, mode="bilinear", align_corners=True
            ),
            PICTURE,
        ),
        "F.interpolate, bilinear, antialias": (
            lambda: lambda x: F.interpolate(x, size=(12, 12), mode="bilinear", antialias=True),
            PICTURE,
        ),
        "F.interpolate, bicubic": (
            lambda: lambda x: F.interpolate(x, scale_factor=2.0, mode="bicubic"),
            PICTURE,
        ),
        "F.interpolate, trilinear": (
            lambda: lambda x: F.interpolate(x, scale_factor=2.0, mode="trilinear"),
            VOLUME,
        ),
        "F.grid_sample, bilinear": (
            lambda: lambda x, grid: F.grid_sample(x, torch.tanh(grid), align_corners=False),
            PICTURE,
            "float32[1,8,8,2]",
        ),
        "nn.PixelShuffle": (lambda: nn.PixelShuffle(2), PICTURE),
        "nn.PixelUnshuffle": (lambda: nn.PixelUnshuffle(2), PICTURE),
        "nn.ChannelShuffle": (lambda: nn.ChannelShuffle(2), PICTURE),
        "nn.Unfold": (lambda: nn.Unfold(2), PICTURE),
        "nn.Fold": (lambda: nn.Fold((4, 4), 2, stride=2), "float32[1,16,4]"),
        "F.pad, zeros": (lambda: lambda x: F.pad(x, (1, 1, 2, 2)), PICTURE),
        "F.pad, reflect": (lambda: lambda x: F.pad(x, (1, 1, 2, 2), "reflect"), PICTURE),
        "F.pad, replicate": (lambda: lambda x: F.pad(x, (1, 1, 2, 2), "replicate"), PICTURE),
        "F.pad, circular": (lambda: lambda x: F.pad(x, (1, 1, 2, 2), "circular"), PICTURE),
    },
}
