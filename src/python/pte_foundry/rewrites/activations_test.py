"""What the rewrites of activations promise."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from torch import nn

from pte_foundry.errors import PteError
from pte_foundry.models import mobilenet
from pte_foundry.models.checkpoints.seeded import initialise
from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.records.tensor_spec import TensorSpec
from pte_foundry.rewrites import float_hardsigmoid, spelled_out_silu
from pte_foundry.rewrites.float_hardsigmoid import FloatHardsigmoid
from pte_foundry.rewrites.spelled_out_silu import SpelledOutSiLU
from pte_foundry.testing.rewrite_checks import (
    lower_to_xnnpack,
    relative_difference,
    snapshot,
    unchanged,
)


def _count(module: nn.Module, kind: type[nn.Module]) -> int:
    return sum(isinstance(child, kind) for child in module.modules())


def test_a_hardsigmoid_is_equal_over_its_whole_range() -> None:
    x = torch.linspace(-8, 8, 100_001)
    assert (FloatHardsigmoid()(x) - nn.Hardsigmoid()(x)).abs().max() <= 1.2e-7


def test_a_silu_is_equal_over_its_whole_range() -> None:
    x = torch.linspace(-90, 90, 100_001)
    difference = (SpelledOutSiLU()(x) - nn.SiLU()(x)).abs()
    assert (difference <= 2e-7 * x.abs().clamp(min=1.0)).all()


def test_mobilenet_computes_the_same_and_the_original_is_untouched() -> None:
    original = mobilenet.build("mobilenet_v3_small").module
    inputs = fixed_inputs([TensorSpec("image", "float32", (1, 3, 224, 224))], 3)
    initialise(original, inputs[0], "rewrite")
    before = snapshot(original)
    rewritten = float_hardsigmoid.rewrite(original, inputs[0])
    assert unchanged(original, before) and _count(original, nn.Hardsigmoid) == 9
    assert _count(rewritten, FloatHardsigmoid) == 9 and _count(rewritten, nn.Hardsigmoid) == 0
    assert relative_difference(original, rewritten, inputs) <= 1e-5


@pytest.mark.parametrize(
    ("rewrite", "stock", "rewritten"),
    [
        (float_hardsigmoid, nn.Hardsigmoid, FloatHardsigmoid),
        (spelled_out_silu, nn.SiLU, SpelledOutSiLU),
    ],
)
def test_a_shared_activation_gets_a_module_at_each_place_and_a_bare_one_is_replaced(
    rewrite: ModuleType, stock: type[nn.Module], rewritten: type[nn.Module]
) -> None:
    gate = stock()
    model = nn.Sequential(nn.Conv2d(3, 4, 3), gate, nn.Sequential(nn.Conv2d(4, 4, 1), gate)).eval()
    image, before = (torch.randn(1, 3, 8, 8),), snapshot(model)
    found = rewrite.rewrite(model, image)
    assert unchanged(model, before)
    assert (_count(found, stock), _count(found, rewritten)) == (0, 2)
    torch.testing.assert_close(found(*image), model(*image), rtol=1e-6, atol=1e-6)
    assert isinstance(rewrite.rewrite(gate, ()), rewritten)


def test_the_exported_graph_has_a_sigmoid_and_a_product() -> None:
    image = (torch.randn(1, 3, 8, 8),)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU()).eval()
    graph = torch.export.export(spelled_out_silu.rewrite(model, image), image).graph
    operators = [str(node.target) for node in graph.nodes if node.op == "call_function"]
    assert operators == ["aten.conv2d.default", "aten.sigmoid.default", "aten.mul.Tensor"]


def test_a_model_without_silu_is_refused() -> None:
    with pytest.raises(PteError, match="bad-rewrite.*no `SiLU`"):
        spelled_out_silu.rewrite(nn.Sequential(nn.ReLU()), ())


def test_xnnpack_takes_the_hardsigmoid_only_when_rewritten() -> None:
    gate = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Hardsigmoid()).eval()
    inputs = (torch.ones(1, 4, 2, 2),)
    assert lower_to_xnnpack(gate, inputs)[1].undelegated_total == 2
    rewritten = float_hardsigmoid.rewrite(gate, inputs)
    assert lower_to_xnnpack(rewritten, inputs)[1].undelegated_total == 0
