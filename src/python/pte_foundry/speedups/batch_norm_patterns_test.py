from __future__ import annotations

from typing import Any

import pytest
import torch
from executorch.backends.xnnpack.quantizer import (  # type: ignore[import-untyped]
    xnnpack_quantizer_utils as utilities,
)
from torch import Tensor, nn
from torch.fx import GraphModule
from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY  # type: ignore[import-untyped]

from pte_foundry.quantization.float_layers import FloatLayers
from pte_foundry.quantization.static_quantizer import StaticQuantizer, static_config
from pte_foundry.speedups import batch_norm_patterns
from pte_foundry.speedups.batch_norm_patterns import BATCH_NORM
from pte_foundry.speedups.xnnpack_patterns import has_all

# Convolutions and transposed ones, each with and without a relu.
_ANNOTATORS = 4


class _Model(nn.Module):
    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        torch.sin(x)  # Is used by nothing.
        return torch.relu(self.norm(self.convolution(x)))


@pytest.fixture()
def patterns(monkeypatch: pytest.MonkeyPatch) -> list[GraphModule]:
    """Those that were exported."""
    made: list[GraphModule] = []
    real = utilities._get_aten_graph_module_for_pattern

    def export(*arguments: Any) -> GraphModule:
        made.append(real(*arguments))
        return made[-1]

    monkeypatch.setattr(utilities, "_get_aten_graph_module_for_pattern", export)
    return made


def _annotated(norm: nn.Module) -> list[tuple[str, str]]:
    """Each node and its annotation, after the quantizer's work; before PT2E folds batch norms."""
    model = _Model(norm).train()
    module = torch.export.export(model, (torch.ones(1, 3, 8, 8),)).module()
    StaticQuantizer(static_config("minmax"), FloatLayers()).annotate(module)
    return [(node.name, str(node.meta.get(Q_ANNOTATION_KEY))) for node in module.graph.nodes]


@pytest.mark.parametrize(("norm", "matches"), [(nn.BatchNorm2d(4), True), (nn.Identity(), False)])
def test_annotations_are_the_same(
    norm: nn.Module, matches: bool, patterns: list[GraphModule]
) -> None:
    expected = _annotated(norm)
    stock = len(patterns)
    assert stock >= _ANNOTATORS
    assert all(has_all(one, BATCH_NORM) for one in patterns)
    with batch_norm_patterns.applied():
        assert _annotated(norm) == expected
    assert len(patterns) == (2 * stock if matches else stock)
    annotations = dict(expected)
    assert "sin" not in annotations, "the annotators remove what is not used"
    # Matched as a whole: the output's annotation is at the end, and nothing is between.
    assert "output_qspec=None" in annotations["conv2d"]
    assert "output_qspec=QuantizationSpec" in annotations["relu"]
