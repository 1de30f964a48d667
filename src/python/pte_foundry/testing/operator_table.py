"""docs/operators.md: which operators each backend's delegate takes, measured by lowering each by itself.

`python -m pte_foundry.testing.operator_table` writes it; the test beside this file compares it with what it finds.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.exporting.normalise import normalised
from pte_foundry.inspection.delegation import inspect_program

PAGE = Path("docs/operators.md")
BACKENDS = ("portable", "xnnpack", "coreml", "mps", "vulkan")
_WHOLE, _PART, _NONE, _REFUSED = "delegate", "part", "kernels", "–"

_MAP, _ROWS, _WAVE = (1, 4, 8, 8), (1, 8, 16), (1, 160)
_Case = tuple[Callable[..., Any], tuple[int, ...]]


class Applied(nn.Module):
    """A function as a model; its layers, if it has any, are drawn from a seed."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


def _attention(**options: Any) -> Callable[[Tensor], Tensor]:
    return lambda x: functional.scaled_dot_product_attention(x, x * 2, x + 1, **options)


OPERATORS: dict[str, Callable[[], _Case]] = {
    "Conv1d": lambda: (nn.Conv1d(8, 4, 3), _ROWS),
    "Conv2d": lambda: (nn.Conv2d(4, 4, 3, padding=1), _MAP),
    "Conv2d, grouped": lambda: (nn.Conv2d(4, 4, 3, groups=2), _MAP),
    "Conv3d": lambda: (nn.Conv3d(2, 4, 3), (1, 2, 6, 6, 6)),
    "ConvTranspose2d": lambda: (nn.ConvTranspose2d(4, 4, 2, 2), _MAP),
    "Linear": lambda: (nn.Linear(16, 4), _ROWS),
    "matmul": lambda: (lambda x: x @ x.transpose(1, 2), _ROWS),
    "BatchNorm2d after Conv2d": lambda: (
        nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)),
        _MAP,
    ),
    "BatchNorm2d alone": lambda: (nn.BatchNorm2d(4), _MAP),
    "LayerNorm": lambda: (nn.LayerNorm(16), _ROWS),
    "GroupNorm": lambda: (nn.GroupNorm(2, 4), _MAP),
    "InstanceNorm2d": lambda: (nn.InstanceNorm2d(4), _MAP),
    "RMSNorm": lambda: (nn.RMSNorm(16), _ROWS),
    "ReLU": lambda: (torch.relu, _MAP),
    "LeakyReLU": lambda: (functional.leaky_relu, _MAP),
    "ELU": lambda: (functional.elu, _MAP),
    "PReLU": lambda: (nn.PReLU(4), _MAP),
    "GELU": lambda: (functional.gelu, _MAP),
    "SiLU": lambda: (functional.silu, _MAP),
    "Mish": lambda: (functional.mish, _MAP),
    "Hardswish": lambda: (functional.hardswish, _MAP),
    "Hardsigmoid": lambda: (functional.hardsigmoid, _MAP),
    "sigmoid": lambda: (torch.sigmoid, _MAP),
    "tanh": lambda: (torch.tanh, _MAP),
    "softmax": lambda: (lambda x: torch.softmax(x, -1), _ROWS),
    "log_softmax": lambda: (lambda x: torch.log_softmax(x, -1), _ROWS),
    "scaled_dot_product_attention": lambda: (_attention(), (1, 2, 8, 16)),
    "scaled_dot_product_attention, causal": lambda: (_attention(is_causal=True), (1, 2, 8, 16)),
    "LSTM": lambda: (nn.LSTM(16, 8, batch_first=True), _ROWS),
    "GRU": lambda: (nn.GRU(16, 8, batch_first=True), _ROWS),
    "MaxPool2d": lambda: (nn.MaxPool2d(2), _MAP),
    "AvgPool2d": lambda: (nn.AvgPool2d(2), _MAP),
    "AdaptiveAvgPool2d(1)": lambda: (nn.AdaptiveAvgPool2d(1), _MAP),
    "interpolate, nearest": lambda: (lambda x: functional.interpolate(x, scale_factor=2), _MAP),
    "interpolate, bilinear": lambda: (
        lambda x: functional.interpolate(x, scale_factor=2, mode="bilinear"),
        _MAP,
    ),
    "interpolate, bilinear, antialias": lambda: (
        lambda x: functional.interpolate(x, (5, 5), mode="bilinear", antialias=True),
        _MAP,
    ),
    "interpolate, bicubic": lambda: (
        lambda x: functional.interpolate(x, scale_factor=2, mode="bicubic"),
        _MAP,
    ),
    "grid_sample": lambda: (
        lambda x: functional.grid_sample(x, x.permute(0, 2, 3, 1)[..., :2], align_corners=False),
        _MAP,
    ),
    "PixelShuffle": lambda: (nn.PixelShuffle(2), _MAP),
    "cat": lambda: (lambda x: torch.cat([x, x * 2], 1), _MAP),
    "slice": lambda: (lambda x: x[:, 1:3], _MAP),
    "permute, reshape": lambda: (lambda x: x.permute(0, 2, 3, 1).reshape(1, 64, 4), _MAP),
    "mean": lambda: (lambda x: x.mean((2, 3)), _MAP),
    "sum": lambda: (lambda x: x.sum(-1), _ROWS),
    "amax": lambda: (lambda x: x.amax(-1), _ROWS),
    "argmax": lambda: (lambda x: x.argmax(-1), _ROWS),
    "topk": lambda: (lambda x: x.topk(3, -1), _ROWS),
    "cumsum": lambda: (lambda x: x.cumsum(-1), _ROWS),
    "where": lambda: (lambda x: torch.where(x > 0, x, x * 2), _ROWS),
    "exp, log": lambda: (lambda x: torch.log(torch.exp(x) + 1), _ROWS),
    "pow, sqrt": lambda: (lambda x: torch.sqrt(x.pow(2) + 1), _ROWS),
    "sin, cos": lambda: (lambda x: torch.sin(x) + torch.cos(x), _ROWS),
    "atan2": lambda: (lambda x: torch.atan2(x, x + 3), _ROWS),
    "stft": lambda: (
        lambda x: torch.stft(x, 32, 16, window=torch.ones(32), return_complex=True).abs(),
        _WAVE,
    ),
    "bucketize": lambda: (lambda x: torch.bucketize(x, torch.linspace(-1, 1, 5)), _ROWS),
    "kthvalue": lambda: (lambda x: torch.kthvalue(x, 3, -1).values, _ROWS),
}


def support(operator: str, backend: str) -> str:
    """`delegate`, `part`, `kernels`, or `–` where the lowering refuses it."""
    lowering = importlib.import_module(f"pte_foundry.backends.{backend}.lowering")
    torch.manual_seed(0)
    function, shape = OPERATORS[operator]()
    model = function if isinstance(function, nn.Module) else Applied(function)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(model.eval(), (torch.rand(shape),), strict=False)
        try:
            lowered = lowering.lower(
                LoweringRequest(normalised(program), lowering.PRECISIONS[0], {})
            )
            facts = inspect_program(bytes(lowered.program.buffer))
        except Exception:  # Whatever a backend raises: it does not take it.
            return _REFUSED
    if not facts.delegate_calls:
        return _NONE
    return _PART if facts.undelegated_total else _WHOLE


def page() -> str:
    """The document."""
    rows = [
        f"| {operator} | {' | '.join(support(operator, one) for one in BACKENDS)} |"
        for operator in OPERATORS
    ]
    return "\n".join([_HEAD, *rows, ""])


_HEAD = f"""# Operators by backend

What becomes of an operator that is a model by itself, at the backend's default precision. Generated by lowering each
(`src/python/pte_foundry/testing/operator_table.py`), and checked every night. In a model, what is beside an operator
matters too: `./foundry explain ADDRESS` says what became of each call, and why. QNN needs an SDK and is not measured.

| in the table | the operator is computed |
|---|---|
| `{_WHOLE}` | by the delegate |
| `{_PART}` | partly by the delegate, the rest by the runtime's kernels |
| `{_NONE}` | by the runtime's kernels, on the CPU |
| `{_REFUSED}` | not at all: the lowering refuses it |

| operator | {" | ".join(BACKENDS)} |
|---|{"---|" * len(BACKENDS)}"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
