"""A detector of some thousand parameters, built as ultralytics builds its own.

The rewrites know layers by the names of their classes and children, so these have the same. That
ultralytics' are still built like this is what exporting the YOLO programs shows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pte_foundry.models.checkpoints.seeded import initialise
from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.records.tensor_spec import TensorSpec

CLASSES = 3
BINS = 8
POINTS = 3


class Conv(nn.Module):
    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        act: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)
        self.act: nn.Module = nn.SiLU() if act else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.act(self.bn(self.conv(x)))
        return y


class Bottleneck(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cv1, self.cv2 = Conv(channels, channels, 3), Conv(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.cv2(self.cv1(x))
        return y


class C2f(nn.Module):
    def __init__(self, inputs: int, outputs: int, repeats: int) -> None:
        super().__init__()
        self.c = outputs // 2
        self.cv1 = Conv(inputs, 2 * self.c)
        self.cv2 = Conv((2 + repeats) * self.c, outputs)
        self.m = nn.ModuleList(Bottleneck(self.c) for _ in range(repeats))

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.cv1(x).chunk(2, 1))
        for block in self.m:
            parts.append(block(parts[-1]))
        y: Tensor = self.cv2(torch.cat(parts, 1))
        return y


class C3(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        self.cv1, self.cv2, self.cv3 = (
            Conv(inputs, half),
            Conv(inputs, half),
            Conv(outputs, outputs),
        )
        self.m = nn.Sequential(Bottleneck(half))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), 1))
        return y


class Attention(nn.Module):
    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.num_heads = heads
        self.head_dim = channels // heads
        self.key_dim = self.head_dim // 2
        self.scale = float(self.key_dim**-0.5)
        self.qkv = Conv(channels, 2 * channels, act=False)
        self.proj = Conv(channels, channels, act=False)
        self.pe = Conv(channels, channels, 3, groups=channels, act=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        joint = self.qkv(x).view(batch, self.num_heads, -1, height * width)
        query, key, value = joint.split([self.key_dim, self.key_dim, self.head_dim], dim=2)
        weights = ((query * self.scale).transpose(-2, -1) @ key).softmax(dim=-1)
        mixed = (value @ weights.transpose(-2, -1)).view(batch, channels, height, width)
        y: Tensor = self.proj(mixed + self.pe(value.reshape(batch, channels, height, width)))
        return y


class C2PSA(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.c = channels // 2
        self.cv1, self.cv2 = Conv(channels, channels), Conv(channels, channels)
        self.m = nn.Sequential(Attention(self.c, 2))

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.cv1(x).split((self.c, self.c), dim=1)
        y: Tensor = self.cv2(torch.cat((first, self.m(second)), 1))
        return y


class Concat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.d = 1

    def forward(self, maps: list[Tensor]) -> Tensor:
        return torch.cat(maps, self.d)


class DFL(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(BINS, 1, 1, bias=False).requires_grad_(False)
        self.conv.weight.data[:] = torch.arange(BINS, dtype=torch.float32).view(1, BINS, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        cells = x.shape[2]
        y: Tensor = self.conv(x.view(1, 4, BINS, cells).transpose(2, 1).softmax(1))
        return y.view(1, 4, cells)


class Detect(nn.Module):
    """bins: of the distribution over distances; with one it is the distance itself, as in YOLO26."""

    def __init__(self, channels: list[int], strides: list[float], bins: int = BINS) -> None:
        super().__init__()
        self.nc, self.reg_max, self.export = CLASSES, bins, True
        self.stride = torch.tensor(strides)
        self.cv2 = nn.ModuleList(nn.Sequential(nn.Conv2d(c, 4 * bins, 1)) for c in channels)
        self.cv3 = nn.ModuleList(nn.Sequential(nn.Conv2d(c, CLASSES, 1)) for c in channels)
        self.dfl = DFL() if bins > 1 else nn.Identity()

    def forward(self, maps: list[Tensor]) -> Tensor:
        boxes = torch.cat([f(x).flatten(2) for f, x in zip(self.cv2, maps)], 2)
        scores = torch.cat([f(x).flatten(2) for f, x in zip(self.cv3, maps)], 2)
        centres, strides = [], []
        for x, stride in zip(maps, self.stride):
            y_, x_ = torch.meshgrid(
                torch.arange(x.shape[2]) + 0.5, torch.arange(x.shape[3]) + 0.5, indexing="ij"
            )
            centres.append(torch.stack((x_.flatten(), y_.flatten())))
            strides.append(stride.expand(1, x_.numel()))
        left_top, right_bottom = self.dfl(boxes).chunk(2, 1)
        box = self.decode(left_top, right_bottom, torch.cat(centres, 1), maps)
        return torch.cat((box * torch.cat(strides, 1), scores.sigmoid()), 1)

    def decode(
        self, left_top: Tensor, right_bottom: Tensor, centres: Tensor, maps: list[Tensor]
    ) -> Tensor:
        low, high = centres - left_top, centres + right_bottom
        return torch.cat(((low + high) / 2, high - low), 1)


class Pose(Detect):
    """With key points of `numbers` numbers each."""

    def __init__(self, channels: list[int], strides: list[float], numbers: int) -> None:
        super().__init__(channels, strides)
        self.kpt_shape = [POINTS, numbers]
        self.cv4 = nn.ModuleList(nn.Sequential(nn.Conv2d(c, POINTS * numbers, 1)) for c in channels)

    def forward(self, maps: list[Tensor]) -> Tensor:
        points = []
        for branch, x, stride in zip(self.cv4, maps, self.stride):
            rows, columns = torch.meshgrid(
                torch.arange(x.shape[2]), torch.arange(x.shape[3]), indexing="ij"
            )
            corner = torch.stack((columns.flatten(), rows.flatten()))
            y = branch(x).view(1, *self.kpt_shape, -1)
            places = (y[:, :, :2] * 2.0 + corner) * stride
            points.append(torch.cat((places, y[:, :, 2:].sigmoid()), 2).flatten(1, 2))
        return torch.cat((super().forward(maps), torch.cat(points, 2)), 1)


class TinyDetector(nn.Module):
    """float32 [1, 3, 32, 64] -> float32 [1, 7, 640], at strides 2 and 4.

    point_numbers: of each of three key points, whose numbers are behind those of the box; 0 for none.
    """

    def __init__(self, point_numbers: int = 0) -> None:
        super().__init__()
        sources: list[tuple[nn.Module, int | list[int]]] = [
            (Conv(3, 8, 3, 2), -1),
            (Conv(8, 16, 3, 2), -1),
            (Conv(16, 16, 3, 2), -1),
            (C2PSA(16), -1),
            (nn.Upsample(None, 2, "nearest"), -1),
            (Concat(), [-1, 1]),
            (C2f(32, 16, 2), -1),
            (nn.Upsample(None, 2, "nearest"), -1),
            (Concat(), [-1, 0]),
            (C3(24, 8), -1),
            (
                (
                    Pose([8, 16], [2.0, 4.0], point_numbers)
                    if point_numbers
                    else Detect([8, 16], [2.0, 4.0])
                ),
                [9, 6],
            ),
        ]
        for number, (layer, source) in enumerate(sources):
            layer.i, layer.f = number, source  # type: ignore[assignment]
        self.model = nn.Sequential(*(layer for layer, _ in sources))
        self.save = [0, 1, 6, 9]

    def forward(self, x: Tensor) -> Tensor:
        outputs: list[Tensor] = []
        for layer in self.model:
            y = (
                layer([x if at == -1 else outputs[at] for at in layer.f])
                if isinstance(layer.f, list)
                else layer(x)
            )
            outputs.append(y)
            x = y
        return x


def tiny_inputs(count: int = 3) -> list[tuple[Tensor, ...]]:
    return fixed_inputs([TensorSpec("image", "float32", (1, 3, 32, 64))], count)


def tiny_detector(point_numbers: int = 0) -> TinyDetector:
    """With seeded weights, no parameter requiring a gradient."""
    module = TinyDetector(point_numbers).eval()
    initialise(module, tiny_inputs(1)[0], "tiny")
    return module.requires_grad_(False)
