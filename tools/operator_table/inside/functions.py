"""Operators without weights, on tensors: name -> what makes a module or a function, and its inputs."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from operator_table.inside.layers import PICTURE, SEQUENCE, VECTOR, Operators

_INDICES = "int64[4,16]{0..3}"
_PLACES = "int64[3]{0..3}"
_WAVE = "float32[1,160]"
_SQUARE = "float32[4,4]"


def _stft(x: Tensor) -> Tensor:
    return torch.stft(x, 32, 16, window=torch.hann_window(32), return_complex=True).abs()


def _branch(x: Tensor) -> Tensor:
    return x + 1 if float(x.sum()) > 0 else x


GROUPS: Mapping[str, Operators] = {
    "Shapes": {
        "torch.reshape": (lambda: lambda x: x.reshape(1, 16, 8, 16), PICTURE),
        "torch.permute": (lambda: lambda x: x.permute(0, 2, 3, 1), PICTURE),
        "torch.cat": (lambda: lambda x, y: torch.cat([x, y], 1), PICTURE, PICTURE),
        "torch.stack": (lambda: lambda x, y: torch.stack([x, y], 1), VECTOR, VECTOR),
        "torch.chunk": (lambda: lambda x: [2.0 * one for one in x.chunk(2, 1)], PICTURE),
        "slice": (lambda: lambda x: x[:, 2:6, ::2], PICTURE),
        "torch.roll": (lambda: lambda x: torch.roll(x, (1, 2), (2, 3)), PICTURE),
        "torch.flip": (lambda: lambda x: torch.flip(x, (3,)), PICTURE),
        "Tensor.repeat": (lambda: lambda x: x.repeat(1, 2, 1, 1), PICTURE),
        "Tensor.expand": (lambda: lambda x: 2.0 * x.expand(4, 8, 16, 16), PICTURE),
        "torch.repeat_interleave": (lambda: lambda x: x.repeat_interleave(2, 1), PICTURE),
        "torch.tril": (lambda: torch.tril, _SQUARE),
        "torch.meshgrid of arange": (
            lambda: lambda x: x + sum(torch.meshgrid(*(torch.arange(16.0),) * 2, indexing="ij")),
            PICTURE,
        ),
    },
    "Indexing and sorting": {
        "torch.gather": (lambda: lambda x, i: torch.gather(x, 0, i), VECTOR, _INDICES),
        "torch.scatter": (lambda: lambda x, i, y: x.scatter(0, i, y), VECTOR, _INDICES, VECTOR),
        "torch.scatter_add": (
            lambda: lambda x, i, y: x.scatter_add(0, i, y),
            VECTOR,
            _INDICES,
            VECTOR,
        ),
        "torch.scatter_reduce, amax": (
            lambda: lambda x, i, y: x.scatter_reduce(0, i, y, "amax"),
            VECTOR,
            _INDICES,
            VECTOR,
        ),
        "torch.index_select": (lambda: lambda x, i: x.index_select(0, i), VECTOR, _PLACES),
        "x[indices]": (lambda: lambda x, i: x[i], VECTOR, _PLACES),
        "x[indices] = y": (
            lambda: lambda x, i: x.index_put((i,), torch.zeros(16)),
            VECTOR,
            _PLACES,
        ),
        "torch.where": (lambda: lambda x, y: torch.where(x > 0, x, y), VECTOR, VECTOR),
        "Tensor.masked_fill": (
            lambda: lambda x, keep: x.masked_fill(keep, 0.0),
            VECTOR,
            "bool[4,16]",
        ),
        "torch.topk": (lambda: lambda x: tuple(torch.topk(x, 3)), VECTOR),
        "torch.sort": (lambda: lambda x: tuple(torch.sort(x)), VECTOR),
        "torch.sort, stable": (lambda: lambda x: tuple(torch.sort(x, stable=True)), VECTOR),
        "torch.kthvalue": (lambda: lambda x: torch.kthvalue(x, 3).values, VECTOR),
        "torch.median": (lambda: lambda x: tuple(torch.median(x, 1)), VECTOR),
        "torch.mode": (lambda: lambda x: torch.mode(x, 1).values, VECTOR),
        "torch.argmax": (lambda: lambda x: torch.argmax(x, 1), VECTOR),
        "torch.bucketize": (
            lambda: lambda x: torch.bucketize(x, torch.linspace(-1, 1, 5)),
            VECTOR,
        ),
        "torch.searchsorted": (
            lambda: lambda x, y: torch.searchsorted(torch.cumsum(x.abs(), 1), y),
            VECTOR,
            VECTOR,
        ),
        "F.one_hot": (lambda: lambda i: F.one_hot(i, 20), "int64[6]{0..19}"),
        "torch.nonzero": (lambda: torch.nonzero, VECTOR),
        "x[mask]": (lambda: lambda x: x[x > 0].sum(), VECTOR),
    },
    "Sums and comparisons": {
        "torch.mean, height and width": (lambda: lambda x: x.mean((2, 3)), PICTURE),
        "torch.mean, last dimension": (lambda: lambda x: x.mean(-1), SEQUENCE),
        "torch.sum": (lambda: lambda x: x.sum(1), SEQUENCE),
        "torch.amax": (lambda: lambda x: x.amax(1), SEQUENCE),
        "torch.max with indices": (lambda: lambda x: tuple(torch.max(x, 1)), SEQUENCE),
        "torch.prod": (lambda: lambda x: x.prod(1), VECTOR),
        "torch.var": (lambda: lambda x: x.var(1), SEQUENCE),
        "torch.norm": (lambda: lambda x: torch.linalg.vector_norm(x, dim=1), SEQUENCE),
        "torch.cumsum": (lambda: lambda x: torch.cumsum(x, 1), SEQUENCE),
        "torch.cummax": (lambda: lambda x: tuple(torch.cummax(x, 1)), VECTOR),
        "torch.cumprod": (lambda: lambda x: torch.cumprod(x, 1), SEQUENCE),
        "torch.logcumsumexp": (lambda: lambda x: torch.logcumsumexp(x, 1), VECTOR),
        "torch.quantile": (lambda: lambda x: torch.quantile(x, 0.3, 1), VECTOR),
        "torch.logsumexp": (lambda: lambda x: torch.logsumexp(x, 1), SEQUENCE),
        "torch.any": (lambda: lambda x: torch.any(x > 0, 1), VECTOR),
        "x > y": (lambda: lambda x, y: x > y, VECTOR, VECTOR),
        "~mask & mask": (lambda: lambda a, b: ~a & b, "bool[4,16]", "bool[4,16]"),
    },
    "Arithmetic": {
        "x + y": (lambda: lambda x, y: x + y, VECTOR, VECTOR),
        "x + y, broadcast": (lambda: lambda x, y: x + y, PICTURE, "float32[1,8,1,1]"),
        "x + 1, an int": (lambda: lambda x: x + 1, VECTOR),
        "x * y": (lambda: lambda x, y: x * y, VECTOR, VECTOR),
        "x / y": (lambda: lambda x, y: x / (y * y + 1.0), VECTOR, VECTOR),
        "x // 2": (lambda: lambda x: x // 2, VECTOR),
        "x % 2": (lambda: lambda x: x % 2, VECTOR),
        "x ** 2": (lambda: lambda x: x**2, VECTOR),
        "torch.exp": (lambda: torch.exp, VECTOR),
        "torch.log": (lambda: lambda x: torch.log(x * x + 1.0), VECTOR),
        "torch.sqrt": (lambda: lambda x: torch.sqrt(x * x), VECTOR),
        "torch.rsqrt": (lambda: lambda x: torch.rsqrt(x * x + 1.0), VECTOR),
        "torch.sin": (lambda: torch.sin, VECTOR),
        "torch.atan2": (lambda: torch.atan2, VECTOR, VECTOR),
        "torch.erf": (lambda: torch.erf, VECTOR),
        "torch.round": (lambda: torch.round, VECTOR),
        "torch.floor": (lambda: torch.floor, VECTOR),
        "torch.abs": (lambda: torch.abs, VECTOR),
        "torch.clamp": (lambda: lambda x: x.clamp(-0.5, 0.5), VECTOR),
        "torch.maximum": (lambda: torch.maximum, VECTOR, VECTOR),
        "conversion to int64": (lambda: lambda x: x.to(torch.int64), VECTOR),
    },
    "Products and Fourier transforms": {
        "torch.matmul": (lambda: torch.matmul, "float32[4,8]", "float32[8,4]"),
        "torch.bmm": (lambda: torch.bmm, "float32[2,4,8]", "float32[2,8,4]"),
        "torch.einsum": (
            lambda: lambda x, y: torch.einsum("bhqd,bhkd->bhqk", x, y),
            "float32[1,2,12,8]",
            "float32[1,2,12,8]",
        ),
        "torch.cdist": (lambda: torch.cdist, VECTOR, VECTOR),
        "torch.linalg.inv": (lambda: lambda x: torch.linalg.inv(x + 8 * torch.eye(4)), _SQUARE),
        "torch.fft.rfft, magnitude": (lambda: lambda x: torch.fft.rfft(x).abs(), _WAVE),
        "torch.fft.rfft, complex result": (lambda: torch.fft.rfft, _WAVE),
        "torch.stft": (lambda: _stft, _WAVE),
    },
    "What no program has": {
        "torch.rand_like": (lambda: lambda x: x + torch.rand_like(x), VECTOR),
        "if of a value": (lambda: _branch, VECTOR),
    },
}
