from __future__ import annotations

import pytest
import torch
from torch import nn

from pte_foundry.errors import PteError
from pte_foundry.rewrites.spelled_out_silu import SpelledOutSiLU, rewrite
from pte_foundry.testing.rewrite_checks import snapshot, unchanged


def _model() -> nn.Module:
    torch.manual_seed(0)
    shared = nn.SiLU()
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), shared, nn.Sequential(nn.Conv2d(4, 4, 1), shared)
    ).eval()


def test_equals_silu_over_its_whole_range() -> None:
    x = torch.linspace(-90, 90, 100_001)
    difference = (SpelledOutSiLU()(x) - nn.SiLU()(x)).abs()
    assert (difference <= 2e-7 * x.abs().clamp(min=1.0)).all()


def test_every_silu_is_replaced_and_the_original_untouched() -> None:
    model, image = _model(), (torch.randn(1, 3, 8, 8),)
    before = snapshot(model)
    rewritten = rewrite(model, image)
    assert unchanged(model, before)
    assert not any(isinstance(layer, nn.SiLU) for layer in rewritten.modules())
    torch.testing.assert_close(rewritten(*image), model(*image), rtol=1e-6, atol=1e-6)


def test_the_exported_graph_has_a_sigmoid_and_a_product() -> None:
    image = (torch.randn(1, 3, 8, 8),)
    graph = torch.export.export(rewrite(_model(), image), image).graph
    operators = [str(node.target) for node in graph.nodes if node.op == "call_function"]
    assert operators == ["aten.conv2d.default", "aten.sigmoid.default", "aten.mul.Tensor"] * 2


def test_a_shared_activation_gets_a_module_at_each_place() -> None:
    rewritten = rewrite(_model(), ())
    assert sum(isinstance(layer, SpelledOutSiLU) for layer in rewritten.modules()) == 2


def test_a_bare_activation_and_a_model_without_any() -> None:
    assert isinstance(rewrite(nn.SiLU(), ()), SpelledOutSiLU)
    with pytest.raises(PteError, match="bad-rewrite.*no `SiLU`"):
        rewrite(nn.Sequential(nn.ReLU()), ())
