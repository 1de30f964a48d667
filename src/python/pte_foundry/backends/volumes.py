"""Convolutions and pooling of volumes, made of those of pictures: the runtime has no kernels of them.

Volumes are float tensors [N, channels, depth, height, width] or [channels, depth, height, width]. Arguments are those
of the ATen operators; where three numbers are along depth, height and width, one may stand for all. Results are those
of torch but for the order of sums.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

_ONE = (1, 1, 1)
_NONE = (0, 0, 0)


def convolution_3d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] = _ONE,
    padding: Sequence[int] | str = _NONE,
    dilation: Sequence[int] = _ONE,
    groups: int = 1,
) -> Tensor:
    """A sum of convolutions of pictures, one for each slice of the kernel.

    Args:
        weight: [out, in / groups, depth, height, width].
        padding: may be `valid` or `same`.
    """
    if x.dim() == 4:
        return convolution_3d(x[None], weight, bias, stride, padding, dilation, groups).squeeze(0)
    stride, dilation = _three(stride), _three(dilation)
    sizes = list(weight.shape[2:])
    if padding == "same":
        missing = [step * (size - 1) for step, size in zip(dilation, sizes)]
        sides = [(each // 2, each - each // 2) for each in missing]
    else:
        sides = [(each, each) for each in _three(_NONE if isinstance(padding, str) else padding)]
    x = _padded(x, sides, 0.0)
    windows = _Windows(x.shape[2], sizes[0], stride[0], dilation[0])
    total: Tensor | None = None
    for number, volume in enumerate(windows.of(x)):
        part = F.conv2d(
            _pictures(volume),
            torch.select_copy(weight, 2, number),
            bias if total is None else None,
            stride[1:],
            0,
            dilation[1:],
            groups,
        )
        total = part if total is None else total + part
    assert total is not None
    return _volumes(total, x.shape[0])


def transposed_convolution_3d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] = _ONE,
    padding: Sequence[int] = _NONE,
    output_padding: Sequence[int] = _NONE,
    groups: int = 1,
    dilation: Sequence[int] = _ONE,
) -> Tensor:
    """A sum of transposed convolutions of pictures, one for each slice of the kernel, moved along depth.

    Args:
        weight: [in, out / groups, depth, height, width].
    """
    if x.dim() == 4:
        settings = (stride, padding, output_padding, groups, dilation)
        return transposed_convolution_3d(x[None], weight, bias, *settings).squeeze(0)
    stride, padding, dilation = _three(stride), _three(padding), _three(dilation)
    output_padding = _three(output_padding)
    reach = dilation[0] * (weight.shape[2] - 1)
    total: Tensor | None = None
    for number in range(weight.shape[2]):
        part = F.conv_transpose2d(
            _pictures(x),
            torch.select_copy(weight, 2, number),
            None,
            stride[1:],
            padding[1:],
            output_padding[1:],
            groups,
            dilation[1:],
        )
        before = number * dilation[0]
        part = _spread(_volumes(part, x.shape[0]), stride[0])
        part = _padded(part, [(before, reach - before + output_padding[0])], 0.0)
        total = part if total is None else total + part
    assert total is not None
    total = total[:, :, padding[0] : total.shape[2] - padding[0]]
    return total if bias is None else total + bias[:, None, None, None]


def max_pool_3d(
    x: Tensor,
    kernel_size: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = _NONE,
    dilation: Sequence[int] = _ONE,
    ceil_mode: bool = False,
) -> Tensor:
    """The greatest of each picture's windows, then of each depth's."""
    if x.dim() == 4:
        return max_pool_3d(x[None], kernel_size, stride, padding, dilation, ceil_mode).squeeze(0)
    sizes, padding, dilation = _three(kernel_size), _three(padding), _three(dilation)
    stride = _three(stride or sizes)
    pooled = F.max_pool2d(_pictures(x), sizes[1:], stride[1:], padding[1:], dilation[1:], ceil_mode)
    x = _volumes(pooled, x.shape[0])
    windows = _Windows.padded(x.shape[2], sizes[0], stride[0], dilation[0], padding[0], ceil_mode)
    x = _padded(x, [(padding[0], windows.depth - x.shape[2] - padding[0])], float("-inf"))
    return functools.reduce(torch.maximum, windows.of(x))


def average_pool_3d(
    x: Tensor,
    kernel_size: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = _NONE,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each picture's windows, then of each depth's."""
    settings = (stride, padding, ceil_mode, count_include_pad, divisor_override)
    if x.dim() == 4:
        return average_pool_3d(x[None], kernel_size, *settings).squeeze(0)
    sizes, padding = _three(kernel_size), _three(padding)
    stride = _three(stride or sizes)
    pooled = F.avg_pool2d(
        _pictures(x),
        sizes[1:],
        stride[1:],
        padding[1:],
        ceil_mode,
        count_include_pad,
        None if divisor_override is None else 1,
    )
    depth = x.shape[2]
    x = _volumes(pooled, x.shape[0])
    windows = _Windows.padded(depth, sizes[0], stride[0], 1, padding[0], ceil_mode)
    x = _padded(x, [(padding[0], windows.depth - depth - padding[0])], 0.0)
    total = functools.reduce(torch.add, windows.of(x))
    if divisor_override is not None:
        return total / divisor_override
    ends = (0, depth + 2 * padding[0]) if count_include_pad else (padding[0], depth + padding[0])
    counts = windows.counts(*ends)
    if len(set(counts)) == 1:
        return total / counts[0]
    return torch.stack([total[:, :, place] / count for place, count in enumerate(counts)], 2)


@dataclass(frozen=True)
class _Windows:
    """Along the depth of padded volumes. depth: theirs."""

    depth: int
    size: int
    stride: int
    dilation: int

    @staticmethod
    def padded(
        depth: int, size: int, stride: int, dilation: int, padding: int, ceil_mode: bool
    ) -> _Windows:
        """Those of pooling; the depth is that after padding, with what the last window lacks in `ceil_mode`."""
        span = dilation * (size - 1) + 1
        rest = depth + 2 * padding - span
        count = (-(-rest // stride) if ceil_mode else rest // stride) + 1
        # A window that would begin in the padding at the end is left out.
        if ceil_mode and (count - 1) * stride >= depth + padding:
            count -= 1
        return _Windows(max((count - 1) * stride + span, depth + padding), size, stride, dilation)

    @property
    def count(self) -> int:
        return (self.depth - self.dilation * (self.size - 1) - 1) // self.stride + 1

    def of(self, x: Tensor) -> list[Tensor]:
        """For each place in a window, what all windows have there."""
        last = self.stride * (self.count - 1) + 1
        starts = [self.dilation * place for place in range(self.size)]
        return [x[:, :, start : start + last : self.stride] for start in starts]

    def counts(self, begin: int, end: int) -> list[int]:
        """How many places of each window are in this part of the depth."""
        starts = [self.stride * number for number in range(self.count)]
        return [min(start + self.size, end) - max(start, begin) for start in starts]


def _three(values: Sequence[int]) -> list[int]:
    return list(values) * (3 // len(values))


def _padded(x: Tensor, sides: Sequence[tuple[int, int]], value: float) -> Tensor:
    """sides: before and after, along depth and what follows it."""
    sides = [*sides, *[(0, 0)] * (3 - len(sides))]
    # Of the last dimension first.
    flat = [side for pair in reversed(sides) for side in pair]
    return F.pad(x, flat, value=value) if any(flat) else x


def _spread(volumes: Tensor, stride: int) -> Tensor:
    """With `stride - 1` empty pictures between two neighbours along depth."""
    if stride == 1:
        return volumes
    empty = torch.zeros_like(volumes)
    pictures = torch.stack([volumes, *[empty] * (stride - 1)], 3).flatten(2, 3)
    return pictures[:, :, : stride * (volumes.shape[2] - 1) + 1]


def _pictures(volumes: Tensor) -> Tensor:
    """[N, channels, depth, height, width] -> [N * depth, channels, height, width]."""
    return volumes.transpose(1, 2).flatten(0, 1)


def _volumes(pictures: Tensor, batch: int) -> Tensor:
    """The inverse of `_pictures`."""
    return pictures.reshape(batch, -1, *pictures.shape[1:]).transpose(1, 2)
