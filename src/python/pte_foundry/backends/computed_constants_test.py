from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pte_foundry.backends import computed_constants
from pte_foundry.backends.lowering import Lowered, LoweringRequest
from pte_foundry.backends.portable import lowering as portable
from pte_foundry.backends.vulkan import lowering as vulkan
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.validation.runtime import load_program

_PICTURE = torch.randn(1, 2, 6, 8, generator=torch.Generator().manual_seed(0))


class _Model(nn.Module):
    def __init__(self, then: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(8, 8)
        self.then = then

    def forward(self, x: Tensor) -> Tensor:
        return self.then(self.head(x))


class _Positions(nn.Module):
    """Adds what it learned of each position, as models of text do."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.learned = nn.Embedding(16, 8)

    def forward(self, x: Tensor) -> Tensor:
        learned: Tensor = self.learned(torch.arange(x.shape[2]))
        return x + learned


class _Windows(nn.Module):
    """A mask that is filled window by window, as models with shifted windows do."""

    def forward(self, x: Tensor) -> Tensor:
        mask = x.new_zeros(x.shape[2:])
        for number, rows in enumerate((slice(0, 2), slice(2, 5), slice(5, 6))):
            mask[rows, 2:6] = float(number)
        return torch.relu(x) + mask


_MODELS: dict[str, Callable[[], nn.Module]] = {
    "roll": lambda: _Model(lambda y: torch.roll(y, (1, -3), (2, 3))),
    "bicubic": lambda: _Model(lambda y: F.interpolate(y, scale_factor=2.0, mode="bicubic")),
    "trilinear": lambda: _Model(
        lambda y: F.interpolate(y[None], scale_factor=2.0, mode="trilinear")
    ),
    "bucketize": lambda: _Model(lambda y: torch.bucketize(y, torch.linspace(-1, 1, 5)).float() + y),
    "positions": _Positions,
    "windows": _Windows,
    "causal": lambda: _Model(lambda y: F.scaled_dot_product_attention(y, y, y, is_causal=True)),
}


def _lowered(backend: Any, module: nn.Module, x: Tensor = _PICTURE, **settings: Any) -> Lowered:
    with torch.no_grad():
        program = torch.export.export(module.eval(), (x,), strict=False, **settings)
    lowered: Lowered = backend.lower(LoweringRequest(program, backend.PRECISIONS[0], {}))
    return lowered


@pytest.mark.parametrize("backend", [portable, xnnpack])
@pytest.mark.parametrize("name", _MODELS)
def test_parity_and_nothing_left_to_compute(name: str, backend: Any) -> None:
    module = _MODELS[name]()
    pte = bytes(_lowered(backend, module).program.buffer)
    (found,) = load_program(pte).run([_PICTURE])
    torch.testing.assert_close(found, module(_PICTURE), atol=1e-5, rtol=1e-5)
    left = inspect_program(pte).undelegated
    assert not {one for one in left if re.search("arange|fmod|scatter", one)}


@pytest.mark.parametrize("name", ["roll", "bicubic", "bucketize"])
def test_vulkan_takes_what_it_failed_at(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _lowered(vulkan, _MODELS[name]()).program.buffer
    monkeypatch.setattr(computed_constants, "_computed", lambda _: {})
    with pytest.raises(Exception, match="FuseBatchNormPass"):
        _lowered(vulkan, _MODELS[name]())


@pytest.mark.parametrize("backend", [portable, xnnpack])
def test_positions_that_are_returned(backend: Any) -> None:
    class Returned(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            places = torch.arange(x.shape[3]) * 2
            return x[..., places // 2] + places, places

    pte = bytes(_lowered(backend, Returned()).program.buffer)
    for found, expected in zip(
        load_program(pte).run([_PICTURE]), Returned()(_PICTURE), strict=True
    ):
        torch.testing.assert_close(found, expected)


def test_a_large_one_is_computed_in_each_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computed_constants, "_LARGEST", 47)
    pte = bytes(_lowered(portable, _Positions()).program.buffer)
    assert inspect_program(pte).undelegated["aten::arange.start_out"] == 1
    (found,) = load_program(pte).run([_PICTURE])
    torch.testing.assert_close(found, _Positions()(_PICTURE))


def test_of_a_dynamic_size_nothing_is_constant() -> None:
    rows = torch.export.Dim("rows", min=2, max=16)
    module = _Positions()
    lowered = _lowered(portable, module, dynamic_shapes={"x": {2: rows}})
    pte = bytes(lowered.program.buffer)
    for size in (2, 6, 16):
        x = torch.randn(1, 2, size, 8, generator=torch.Generator().manual_seed(size))
        (found,) = load_program(pte).run([x])
        torch.testing.assert_close(found, module(x))


@pytest.mark.parametrize(
    "then",
    [lambda y: y + torch.ones(8), F.hardswish, lambda y: y * torch.tensor(2.0).double().float()],
    ids=["filled", "numbers", "converted"],
)
def test_a_program_without_such_work_is_left_as_it_is(
    then: Callable[[Tensor], Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bytes(_lowered(portable, _Model(then)).program.buffer)
    monkeypatch.setattr(computed_constants, "_computed", lambda _: {})
    assert bytes(_lowered(portable, _Model(then)).program.buffer) == before
