from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._decomp import register_decomposition
from torch._export.converter import TS2EPConverter
from torch.export import ExportedProgram
from torch.nn import functional as F

from pte_foundry.backends.lowering import Lowered, LoweringRequest
from pte_foundry.backends.portable import lowering as portable
from pte_foundry.backends.vulkan import lowering as vulkan
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.models.own.calling import plain_module
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


def _program(module: nn.Module, x: Tensor) -> ExportedProgram:
    with torch.no_grad():
        return torch.export.export(module.eval(), (x,), strict=False)


def _lower(backend: Any, program: ExportedProgram) -> Lowered:
    lowered: Lowered = backend.lower(LoweringRequest(program, backend.PRECISIONS[0], {}))
    return lowered


def _lowered(backend: Any, module: nn.Module, x: Tensor) -> Lowered:
    return _lower(backend, _program(module, x))


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


@pytest.mark.parametrize(
    ("backend", "traced"), [(portable, True), (xnnpack, False), (vulkan, False)]
)
def test_a_network_that_enlarges_volumes_runs(backend: Any, traced: bool) -> None:
    torch.manual_seed(0)
    up = nn.ConvTranspose3d(4, 6, 3, (2, 1, 2), 1, output_padding=(1, 0, 1), groups=2)
    module = nn.Sequential(up, nn.ReLU(), nn.Conv3d(6, 2, 3, bias=False)).eval()
    program = _program(module, _CLIP)
    if traced:
        script = torch.jit.trace(module, _CLIP)  # type: ignore[no-untyped-call]
        program = _program(plain_module(TS2EPConverter(script, (_CLIP,)).convert()), _CLIP)
    pte = bytes(_lower(backend, program).program.buffer)
    if backend is vulkan:
        assert not [name for name in inspect_program(pte).undelegated if "transpose" in name]
        return
    (found,) = load_program(pte).run([_CLIP])
    torch.testing.assert_close(found, module(_CLIP), atol=1e-5, rtol=1e-4)


class _Ordered(nn.Module):
    """What the runtime has no kernels of, and gets from `topk` and products."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        if self.what == "sort":
            return (*torch.sort(x, 1, descending=True), torch.argsort(x), torch.quantile(x, 0.3))
        if self.what == "stable":
            found = torch.sort(x > 0.5, dim=1, stable=True)
            return (*found, torch.argsort(x, stable=True), *torch.sort(x, stable=False))
        if self.what == "median":
            return (torch.median(x), *torch.median(x, 1), torch.searchsorted(x[0, 0].cumsum(0), x))
        if self.what == "cummax":
            return (*torch.cummax(x, 1), *torch.cummin(x, 2), torch.logcumsumexp(x, 0))
        if self.what == "kthvalue":
            return (*torch.kthvalue(x, 2, 0), torch.kthvalue(x, 3, keepdim=True).values)
        return (torch.cumprod(x, 0), torch.cumprod(x, -1), torch.cumprod(x, 1, dtype=torch.float64))


@pytest.mark.parametrize("what", ["sort", "stable", "median", "cummax", "kthvalue", "cumprod"])
def test_orders_and_products(what: str) -> None:
    # No two values are equal: the order of indices is not promised then.
    x = torch.randperm(84, generator=torch.Generator().manual_seed(0)).reshape(3, 4, 7) / 84
    module = _Ordered(what)
    found = load_program(bytes(_lowered(portable, module, x).program.buffer)).run([x])
    for mine, expected in zip(found, module(x), strict=True):
        torch.testing.assert_close(mine, expected)


def test_integers_multiply_as_torch_multiplies_them() -> None:
    x = torch.tensor([[3, -2, 5, 1, 0]], dtype=torch.int32)
    module = _Ordered("cumprod")
    found = load_program(bytes(_lowered(portable, module, x).program.buffer)).run([x])
    for mine, expected in zip(found, module(x), strict=True):
        assert mine.dtype == expected.dtype and torch.equal(mine, expected)


class _Places(nn.Module):
    """Places of what is there, as results and as indices."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        y, z = torch.where(x[0] > 0.5)
        return (
            torch.nonzero(x > 0.6),
            torch.argwhere(x),
            y - z,
            x[0][y, z] * 2,
            torch.nonzero(x[0, 0]),
        )


@pytest.mark.parametrize("backend", [portable, xnnpack])
def test_places_of_what_is_there(backend: Any) -> None:
    x = torch.rand(3, 4, 7, generator=torch.Generator().manual_seed(0)).clamp_min(0.3) - 0.3
    module = _Places()
    found = load_program(bytes(_lowered(backend, module, x).program.buffer)).run([x])
    for mine, expected in zip(found, module(x), strict=True):
        assert torch.equal(mine, expected)


@pytest.mark.parametrize("size", [(4, 3), (3, 5)])
def test_the_greatest_of_any_number_of_windows(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, 8, 9, generator=torch.Generator().manual_seed(0))
    module = nn.AdaptiveMaxPool2d(size, return_indices=True)
    found = load_program(bytes(_lowered(portable, module, x).program.buffer)).run([x])
    for mine, expected in zip(found, module(x), strict=True):
        assert torch.equal(mine, expected)


@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amax", "amin"])
@pytest.mark.parametrize("include_self", [False, True])
def test_what_values_that_are_sent_to_one_place_come_to(reduce: str, include_self: bool) -> None:
    class Sent(nn.Module):
        def forward(self, x: Tensor, index: Tensor) -> tuple[Tensor, ...]:
            # Nothing is sent to the last place.
            target = (x[:, :4] * 3).round()
            return tuple(
                one.scatter_reduce(1, index, values, reduce, include_self=include_self)
                for one, values in ((target, x), (target.long(), (x * 5).long()))
            )

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 9, generator=generator)
    index = torch.randint(0, 3, (3, 9), generator=generator)
    with torch.no_grad():
        program = torch.export.export(Sent(), (x, index), strict=False)
    found = load_program(bytes(_lower(portable, program).program.buffer)).run([x, index])
    for mine, expected in zip(found, Sent()(x, index), strict=True):
        torch.testing.assert_close(mine, expected)


def test_means_of_volumes_shifts_and_lengths() -> None:
    class Several(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            whole = (x * 8).int()
            return (
                F.adaptive_avg_pool3d(x, (2, 4, 3)),
                whole << 2,
                whole >> 1,
                torch.hypot(x, x + 1),
            )

    found = load_program(bytes(_lowered(portable, Several(), _CLIP).program.buffer)).run([_CLIP])
    for mine, expected in zip(found, Several()(_CLIP), strict=True):
        torch.testing.assert_close(mine, expected)


def test_what_nobody_takes_apart_is_refused() -> None:
    class Commonest(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.mode(x).values

    with pytest.raises(PteError, match="^lowering-failed: .*no kernel") as caught:
        _lowered(portable, Commonest(), _CLIP)
    assert "aten::mode" in caught.value.message and "torch.mode(x)" in caught.value.message


def test_a_definition_of_the_models_own_comes_first() -> None:
    operator = torch.ops.aten.kthvalue.default

    @register_decomposition(operator)
    def zeros(x: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
        values = torch.zeros_like(x).sum(dim, keepdim)
        return values, values.to(torch.int64)

    class Least(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.kthvalue(x, 1).values

    try:
        pte = bytes(_lowered(portable, Least(), _CLIP).program.buffer)
    finally:
        del torch._decomp.decomposition_table[operator]
    (found,) = load_program(pte).run([_CLIP])
    assert torch.equal(found, torch.zeros_like(found))
