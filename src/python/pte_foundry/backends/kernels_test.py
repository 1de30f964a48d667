from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._decomp import register_decomposition
from torch.export import ExportedProgram

from pte_foundry.backends.kernels import runtime_kernels
from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.portable import lowering as portable
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.errors import PteError
from pte_foundry.validation.runtime import load_program

_WAVE = torch.sin(torch.arange(160.0))[None]


class _Spectrum(nn.Module):
    """Operators beyond Core ATen, of which the runtime has kernels."""

    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(17, 4)
        self.register_buffer("window", torch.hann_window(32))

    def forward(self, x: Tensor) -> Tensor:
        parts = torch.stft(x, 32, 16, window=self.window, return_complex=True)
        found: Tensor = self.head((parts.abs() * torch.sin(parts.angle())).transpose(1, 2))
        return found


class _Buckets(nn.Module):
    """An operator without a kernel, of which torch says what it is made of."""

    edges: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("edges", torch.linspace(-1, 1, 5))

    def forward(self, x: Tensor) -> Tensor:
        return torch.bucketize(x, self.edges).float() + x


class _Modes(nn.Module):
    """An operator without a kernel, of which nobody does."""

    def forward(self, x: Tensor) -> Tensor:
        values, _ = torch.mode(x, dim=-1)
        return values * 2


def _exported(module: nn.Module) -> ExportedProgram:
    with torch.no_grad():
        return torch.export.export(module.eval(), (_WAVE,), strict=False)


@pytest.mark.parametrize("backend", [portable, xnnpack])
@pytest.mark.parametrize("module", [_Spectrum(), _Buckets()])
def test_what_the_runtime_can_execute_is_lowered(module: nn.Module, backend: Any) -> None:
    lowered = backend.lower(LoweringRequest(_exported(module), "fp32", {}))
    (found,) = load_program(bytes(lowered.program.buffer)).run([_WAVE])
    assert torch.allclose(found, module(_WAVE), atol=1e-5)


@pytest.mark.parametrize("backend", [portable, xnnpack])
def test_an_operator_without_a_kernel_is_named_with_its_place(backend: Any) -> None:
    with pytest.raises(PteError, match="^lowering-failed: .*no kernel") as caught:
        backend.lower(LoweringRequest(_exported(_Modes()), "fp32", {}))
    for part in ("aten::mode", "kernels_test.py:", "torch.mode(x, dim=-1)", "imports"):
        assert part in caught.value.message, caught.value.message


def test_a_registered_decomposition_is_used() -> None:
    program = _exported(_Modes())
    operator = torch.ops.aten.mode.default
    with pytest.raises(PteError, match="aten::mode"):
        portable.lower(LoweringRequest(program, "fp32", {}))

    @register_decomposition(operator)
    def made_of(x: Tensor, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]:
        """Of values of which no two are equal: the least."""
        found = torch.min(x, dim, keepdim)
        return found.values, found.indices

    try:
        lowered = portable.lower(LoweringRequest(program, "fp32", {}))
    finally:
        del torch._decomp.decomposition_table[operator]
    (found,) = load_program(bytes(lowered.program.buffer)).run([_WAVE])
    assert torch.allclose(found, _Modes()(_WAVE))


def test_the_runtime_says_its_kernels() -> None:
    assert {"aten::add.out", "aten::_fft_r2c.out", "executorch_prim::et_view.default"} <= (
        runtime_kernels()
    )
    assert "aten::bucketize.Tensor_out" not in runtime_kernels()
