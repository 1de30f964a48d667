from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pte_foundry.backends.lowering import Lowered, LoweringRequest
from pte_foundry.backends.portable import lowering as portable
from pte_foundry.backends.vulkan import lowering as vulkan
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.validation.runtime import load_program

_CLIP = torch.randn(2, 4, 5, 9, 8, generator=torch.Generator().manual_seed(0))


class _Video(nn.Module):
    """A 3D network as they are written: convolutions, batch norms, pooling, a head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv3d(4, 6, (3, 3, 3), stride=(1, 2, 2), padding=1, bias=False)
        self.norm = nn.BatchNorm3d(6)
        self.second = nn.Conv3d(6, 8, 3, padding="same", groups=2)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.first(x)))
        x = F.max_pool3d(torch.relu(self.second(x)), 3, 2, 1)
        found: Tensor = self.head(x.mean((2, 3, 4)))
        return found


def _lowered(backend: Any, module: nn.Module, x: Tensor) -> Lowered:
    with torch.no_grad():
        program = torch.export.export(module.eval(), (x,), strict=False)
    lowered: Lowered = backend.lower(LoweringRequest(program, backend.PRECISIONS[0], {}))
    return lowered


class _Normalised(nn.Module):
    """Averages over channels, which torch computes with a pooling of volumes; and a product of two inputs."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm = nn.LocalResponseNorm(2)
        self.product = nn.Bilinear(8, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x[:, :, 0])
        found: Tensor = self.product(x, torch.flip(x, [-1]))
        return found


@pytest.mark.parametrize("backend", [portable, xnnpack])
def test_norms_and_products_that_have_no_kernel_run(backend: Any) -> None:
    module = _Normalised()
    (found,) = load_program(bytes(_lowered(backend, module, _CLIP).program.buffer)).run([_CLIP])
    torch.testing.assert_close(found, module(_CLIP), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("backend", [portable, xnnpack])
def test_a_network_for_video_runs(backend: Any) -> None:
    module = _Video()
    pte = bytes(_lowered(backend, module, _CLIP).program.buffer)
    (found,) = load_program(pte).run([_CLIP])
    torch.testing.assert_close(found, module(_CLIP), atol=1e-5, rtol=1e-4)
    if backend is xnnpack:
        left = {name for name in inspect_program(pte).undelegated if "convolution" in name}
        assert not left, "the weights are constants, which XNNPACK takes"


def test_a_delegate_that_takes_it_has_it_whole() -> None:
    from pte_foundry.backends.coreml import lowering as coreml

    text = str(_lowered(coreml, _Video(), _CLIP).program.exported_program().graph)
    assert "select" not in text and "convolution" not in text


@pytest.mark.parametrize("backend", [portable, vulkan])
def test_a_transposed_one_is_refused_with_its_place(backend: Any) -> None:
    with pytest.raises(PteError, match="^lowering-failed: .*no kernel") as caught:
        _lowered(backend, nn.Sequential(nn.ConvTranspose3d(4, 2, 2)), _CLIP)
    for part in ("aten::convolution.out in three dimensions", "(ConvTranspose3d)"):
        assert part in caught.value.message, caught.value.message
