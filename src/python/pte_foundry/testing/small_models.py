"""Small models that together use every operator which the interpreters know."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional


class Convolutions(nn.Module):
    """Strides, paddings and dilations that differ in height and width; groups; depthwise."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, (3, 5), stride=(2, 1), padding=(1, 2))
        self.norm = nn.BatchNorm2d(8)
        self.dilated = nn.Conv2d(8, 8, 3, padding=(2, 1), dilation=(2, 1), bias=False)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.grouped = nn.Conv2d(8, 4, 1, groups=2)
        assert self.norm.running_mean is not None and self.norm.running_var is not None
        self.norm.running_mean.uniform_(-0.5, 0.5)
        self.norm.running_var.uniform_(0.5, 1.5)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu6(self.norm(self.first(x)) * 4)
        x = functional.relu(self.dilated(x))
        return self.grouped(self.depthwise(x))  # type: ignore[no-any-return]


class Activations(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        x = functional.hardswish(x) + functional.hardsigmoid(x * 3)
        x = functional.silu(x) - functional.gelu(x)
        return functional.hardtanh((x * 2).sigmoid() * x / (x * x + 2.5), -0.1, 0.05)


class Shapes(nn.Module):
    """Pooling, upsampling, splitting, joining, means."""

    def forward(self, x: Tensor) -> Tensor:
        pooled = functional.max_pool2d(x, (3, 5), stride=1, padding=(1, 2))
        first, second = torch.split(pooled, [1, 2], dim=1)
        joined = torch.cat([second, first], 1)
        large = functional.interpolate(joined, scale_factor=2.0, mode="nearest")
        return torch.cat([large.mean((2, 3), keepdim=True), -0.5 + x.mean((2, 3), keepdim=True)], 1)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(12)
        self.queries, self.keys = nn.Linear(12, 8), nn.Linear(12, 8, bias=False)
        self.values = nn.Linear(12, 8)
        nn.init.uniform_(self.norm.weight, 0.5, 1.5)
        nn.init.uniform_(self.norm.bias, -0.5, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.norm(x.flatten(2).transpose(1, 2).reshape(1, -1, 12))
        heads = [
            projection(tokens).view(1, -1, 2, 4).permute(0, 2, 1, 3)
            for projection in (self.queries, self.keys, self.values)
        ]
        queries, keys, values = heads
        weights = (queries @ keys.transpose(2, 3)).softmax(-1)
        attended: Tensor = (weights @ values).permute(0, 2, 1, 3)
        return attended.reshape(1, -1, 8)


class Block(nn.Module):
    """What networks are mostly made of: batch norms behind convolutions with and without a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, bias=False), nn.Conv2d(8, 16, 1)
        self.norms = nn.ModuleList([nn.BatchNorm2d(8), nn.BatchNorm2d(16)])
        self.head = nn.Linear(16, 10)
        for norm in self.norms:
            assert isinstance(norm, nn.BatchNorm2d)
            assert norm.running_mean is not None and norm.running_var is not None
            norm.running_mean.uniform_(-0.5, 0.5)
            norm.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.uniform_(norm.bias, -0.5, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norms[0](self.first(x)))
        x = functional.relu(self.norms[1](self.second(x)))
        return self.head(x.mean((2, 3), keepdim=True).flatten(1))  # type: ignore[no-any-return]


MODELS: Mapping[str, Callable[[], nn.Module]] = {
    "convolutions": Convolutions,
    "activations": Activations,
    "shapes": Shapes,
    "attention": Attention,
    "block": Block,
}


def build(name: str) -> nn.Module:
    """One of MODELS with the same weights every time, in eval mode."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return MODELS[name]().eval().requires_grad_(False)


def picture(number: int = 0) -> Tensor:
    """float32 [1, 3, 8, 8], standard normal."""
    generator = torch.Generator().manual_seed(number)
    return torch.randn(1, 3, 8, 8, generator=generator)
