from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

from pte_foundry.testing.small_models import build, picture
from pte_foundry.validation.payload_weights.model_constants import (
    ModelConstants,
    decomposed_constants,
    fold_batch_norm,
    model_constants,
)


def constants(name: str, fold: bool = True) -> ModelConstants:
    return model_constants(build(name), (picture(),), fold)


def test_batch_norms_are_folded_or_kept() -> None:
    folded = {one.name for one in constants("convolutions").used}
    assert "first.weight with its batch norm" in folded
    assert "bias of first.weight with its batch norm" in folded
    assert not folded & {"first.weight", "first.bias", "norm.weight", "norm.running_var"}
    kept = {one.name for one in constants("convolutions", fold=False).used}
    names = {"weight", "bias", "running_mean", "running_var"}
    assert {"first.weight", "first.bias"} | {f"norm.{name}" for name in names} <= kept


def test_a_folded_convolution_computes_what_both_compute() -> None:
    model = build("convolutions")
    found = {one.name: one.values for one in constants("convolutions").used}
    expected = model.get_submodule("norm")(model.get_submodule("first")(picture()))
    weight = found["first.weight with its batch norm"]
    bias = found["bias of first.weight with its batch norm"]
    ours = torch.conv2d(picture(), weight, bias, stride=(2, 1), padding=(1, 2))
    assert torch.allclose(ours, expected, atol=1e-5)


def test_convolutions_and_products_are_counted() -> None:
    assert (constants("convolutions").convolutions, constants("convolutions").products) == (4, 0)
    # Three projections and two products of attention.
    assert (constants("attention").convolutions, constants("attention").products) == (0, 5)


class _Unusual(nn.Module):
    unused: Tensor
    table: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("unused", torch.randn(16))
        self.register_buffer("table", torch.randn(3, 4))
        self.plain = torch.randn(3, 1, 1)
        self.conv = nn.Conv2d(3, 3, 1)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        # Read twice, so that folding would change the second.
        y = self.norm(y) + y * self.plain
        y = y.flatten(2).transpose(1, 2) @ (self.table * 2) + torch.arange(4.0)
        z: Tensor = y[..., :2] * self.table[0, :2] - self.table[0, 2:]
        return z


def test_what_is_used_is_found_and_nothing_else() -> None:
    module = _Unusual().eval()
    found = model_constants(module, (picture(),), True)
    assert len({one.name for one in found.used}) == len(found.used)
    used = {one.name: one for one in found.used}
    assert "unused" not in used and "table" not in used
    assert {"conv.weight", "conv.bias", "norm.running_mean"} <= used.keys()
    assert any(torch.equal(one.values.squeeze(0), module.table * 2) for one in found.used)
    assert any(one.name == "table" for one in found.others)
    # The plain tensor, the range and the two slices have no names of their own.
    sizes = [one.values.numel() for name, one in used.items() if name.startswith("tensor ")]
    assert sorted(sizes) == [2, 2, 3, 4, 12]


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_the_folded_convolution_is_that_of_torch(with_bias: bool, affine: bool) -> None:
    torch.manual_seed(0)
    weight, variance = torch.randn(8, 4, 3, 3), torch.rand(8) + 0.5
    bias = torch.randn(8) if with_bias else None
    scale, shift = (torch.randn(8), torch.randn(8)) if affine else (None, None)
    mean = torch.randn(8)
    values, off, sums, sums_off = fold_batch_norm(weight, bias, scale, shift, mean, variance, 1e-3)
    expected = fuse_conv_bn_weights(weight, bias, mean, variance, 1e-3, scale, shift)
    assert ((values - expected[0]).abs() <= off).all() and 0 < float(off.max()) < 1e-5
    assert ((sums - expected[1]).abs() <= sums_off).all() and 0 < float(sums_off.max()) < 1e-5


def test_a_bias_is_as_uncertain_as_what_cancels_in_it() -> None:
    one, many = torch.ones(1), torch.full((1,), 1e6)
    weight = torch.ones(1, 1, 1, 1)
    _, _, sums, off = fold_batch_norm(weight, many, one, one, many, one, 0.0)
    assert sums == 1.0 and 0.5 < float(off) < 2


def test_a_transposed_convolution_has_its_channels_second() -> None:
    torch.manual_seed(0)
    layer, norm = nn.ConvTranspose2d(3, 4, 2), nn.BatchNorm2d(4)
    assert norm.running_mean is not None and norm.running_var is not None and layer.bias is not None
    norm.running_mean.uniform_(-1, 1)
    norm.running_var.uniform_(0.5, 2)
    expected, bias = torch.nn.utils.fusion.fuse_conv_bn_weights(
        layer.weight,
        layer.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
        transpose=True,
    )
    model = nn.Sequential(layer, norm).eval()
    found = {
        one.name: one.values for one in model_constants(model, (torch.ones(1, 3, 4, 4),), True).used
    }
    assert torch.allclose(found["0.weight with its batch norm"], expected, atol=1e-6)
    assert torch.allclose(found["bias of 0.weight with its batch norm"], bias, atol=1e-6)


class _Anchors(nn.Module):
    anchors: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("anchors", torch.rand(8, 4))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x * 2, self.anchors


def test_a_constant_that_is_an_output_may_be_stored() -> None:
    constants = model_constants(_Anchors().eval(), (torch.ones(1, 4),), True)
    assert "anchors" in {one.name for one in constants.others}


class _Accumulates(nn.Module):
    total: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 4)
        self.register_buffer("total", torch.ones(4))

    def forward(self, x: Tensor) -> Tensor:
        self.total.add_(self.head(x).sum(0))
        return self.total * 2


def test_state_is_no_constant() -> None:
    constants = model_constants(_Accumulates().eval(), (torch.ones(1, 4),), True)
    names = {one.name.partition(",")[0] for one in (*constants.used, *constants.others)}
    assert "total" not in names and {"head.weight", "head.bias"} <= names


class _Decomposed(nn.Module):
    """No constant but those that three decompositions make of nothing."""

    def forward(self, x: Tensor) -> Tensor:
        large = functional.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)
        y: Tensor = functional.scaled_dot_product_attention(large, large, large, is_causal=True)
        return y


def test_what_decompositions_compute_from_no_input_is_found_on_request() -> None:
    module, inputs = _Decomposed().eval(), (torch.randn(1, 3, 8, 8),)
    model = model_constants(module, inputs, True)
    assert (model.used, model.products) == ((), 2)
    found = [one.values for one in decomposed_constants(module, inputs)]
    # Keys' kernel with a = -0.75 at 1.75 and 1.25 pixels: a * (d^3 - 5 d^2 + 8 d - 4).
    far = torch.tensor([-0.03515625, -0.10546875])
    assert any(torch.equal(one.flatten()[:2], far) for one in found)
    mask = torch.zeros(16, 16).masked_fill(~torch.ones(16, 16).tril().bool(), -torch.inf)
    assert any(torch.equal(one, mask) for one in found)
