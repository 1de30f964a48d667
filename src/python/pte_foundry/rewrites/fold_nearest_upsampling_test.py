from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from pte_foundry.errors import PteError
from pte_foundry.rewrites import fold_batch_norm, fold_nearest_upsampling, split_csp_blocks
from pte_foundry.rewrites.fold_nearest_upsampling import UpsampledPair
from pte_foundry.testing.tiny_detector import TinyDetector, tiny_detector, tiny_inputs


def test_a_transposed_convolution_is_nearest_upsampling() -> None:
    conv = nn.Conv2d(5, 4, 1)
    low, fine = torch.randn(1, 3, 4, 6), torch.randn(1, 2, 8, 12)
    with torch.no_grad():
        expected = conv(torch.cat((nn.functional.interpolate(low, scale_factor=2), fine), 1))
        assert (UpsampledPair(conv, 3)((low, fine)) - expected).abs().max() < 1e-6


def _prepared() -> nn.Module:
    inputs = tiny_inputs(1)[0]
    return split_csp_blocks.rewrite(fold_batch_norm.rewrite(tiny_detector(), inputs), inputs)


def _bilinear(model: TinyDetector) -> None:
    model.model[4].mode = "bilinear"  # type: ignore[assignment]


def _read_elsewhere(model: TinyDetector) -> None:
    model.save = [*model.save, 5]


def _other_order(model: TinyDetector) -> None:
    model.model[5].f = [1, -1]  # type: ignore[assignment]


def _other_block(model: TinyDetector) -> None:
    block = model.model[6]
    model.model[6] = nn.Sequential(block)
    model.model[6].i, model.model[6].f = 6, -1  # type: ignore[assignment]


def _other_axis(model: TinyDetector) -> None:
    model.model[5].d = 2  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_bilinear, "not nearest by 2"),
        (_read_elsewhere, "read elsewhere"),
        (_other_order, "not the first of two inputs"),
        (_other_block, "leads to a Sequential, of C3, SplitC2f"),
        (_other_axis, "not over channels"),
    ],
)
def test_other_uses_of_an_upsampled_map_are_refused(
    change: Callable[[TinyDetector], None], message: str
) -> None:
    model = _prepared()
    change(model)  # type: ignore[arg-type]
    with pytest.raises(PteError, match=message):
        fold_nearest_upsampling.rewrite(model, tiny_inputs(1)[0])


def test_c2f_has_to_be_split_first() -> None:
    inputs = tiny_inputs(1)[0]
    with pytest.raises(PteError, match="leads to a C2f"):
        fold_nearest_upsampling.rewrite(fold_batch_norm.rewrite(tiny_detector(), inputs), inputs)
