from __future__ import annotations

from typing import Any

import pytest
import torch
from executorch.backends.xnnpack._passes import (  # type: ignore[import-untyped]
    convert_to_sdpa,
    convert_to_upsample_bilinear2d,
)
from executorch.backends.xnnpack.partition.graphs import (  # type: ignore[import-untyped]
    bilinear_2d,
    sdpa,
)
from executorch.backends.xnnpack.utils.configs import (  # type: ignore[import-untyped]
    get_xnnpack_edge_compile_config,
)
from executorch.exir import to_edge  # type: ignore[import-untyped]
from torch import Tensor, nn

from pte_foundry.speedups import xnnpack_patterns
from pte_foundry.speedups.xnnpack_patterns import ATTENTION, BILINEAR, has_all


class _Attention(nn.Module):
    def forward(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)


class _Masked(nn.Module):
    """All operators of attention, in another order."""

    def forward(self, x: Tensor) -> Tensor:
        y = torch.bmm(x[0], x[0].transpose(1, 2)).softmax(-1)
        return torch.where(torch.logical_not(y == 0), torch.ops.aten.mul.Scalar(y, 2.0), y).softmax(
            -1
        )


class _Upsampling(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.nn.functional.interpolate(x, scale_factor=2, mode="bilinear")


def _edge(model: nn.Module) -> Any:
    inputs: tuple[Tensor, ...] = (torch.ones(1, 2, 4, 4),)
    if isinstance(model, _Attention):
        # Of the pattern's sizes: others do not match.
        inputs = (*(torch.ones(8, 16, 32, 64) for _ in range(3)), torch.zeros(32, 32))
    program = torch.export.export(model, inputs)
    config = get_xnnpack_edge_compile_config()
    return to_edge(program, compile_config=config).exported_program().graph_module


def _passed(which: str, model: nn.Module) -> str:
    passes = {
        "attention": convert_to_sdpa.ConvertToSDPAPass,
        "bilinear": convert_to_upsample_bilinear2d.ConvertToUpsampleBilinear2d,
    }
    return str(passes[which](None)(_edge(model)).graph_module.graph)


@pytest.fixture()
def exported(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which patterns were asked for."""
    asked: list[str] = []
    for module, name, which in (
        (sdpa, "get_graphs", "attention"),
        (bilinear_2d, "get_graphs_dict", "bilinear"),
    ):

        def ask(real: Any = getattr(module, name), which: str = which) -> Any:
            asked.append(which)
            return real()

        monkeypatch.setattr(module, name, ask)
    return asked


def test_every_pattern_has_the_operators_that_a_graph_is_asked_for() -> None:
    for graph_module in sdpa.get_graphs():
        assert has_all(graph_module, ATTENTION)
    for graph_module in bilinear_2d.get_graphs_dict():
        assert has_all(graph_module, BILINEAR)


@pytest.mark.parametrize(
    ("which", "model", "asks"),
    [
        ("attention", _Attention(), True),
        ("attention", _Masked(), True),
        ("attention", nn.Softmax(-1), False),
        ("bilinear", _Upsampling(), True),
        ("bilinear", nn.Softmax(-1), False),
    ],
)
def test_the_passes_do_what_they_did(
    which: str, model: nn.Module, asks: bool, exported: list[str]
) -> None:
    expected = _passed(which, model)
    assert exported == [which]
    with xnnpack_patterns.applied():
        assert _passed(which, model) == expected
    assert exported == [which] * (2 if asks else 1)
    matched = "scaled_dot_product_attention" in expected
    assert matched is isinstance(model, _Attention), "the model that needs its pattern is one"
