from __future__ import annotations

from typing import Any

import pytest
import torch
from executorch.exir import to_edge  # type: ignore[import-untyped]
from executorch.exir.verification import verifier  # type: ignore[import-untyped]
from torch import Tensor, nn

from pte_foundry.speedups import verified_dtypes


class _Model(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        greatest, _ = torch.max(x * y, 1)
        return greatest, torch.cat([x, y]).relu()


@pytest.fixture()
def graph_module() -> Any:
    inputs = (torch.ones(2, 3), torch.ones(2, 3))
    return to_edge(torch.export.export(_Model(), inputs)).exported_program().graph_module


def _check(graph_module: Any) -> None:
    verifier._check_tensor_args_matching_op_allowed_dtype(graph_module)


def test_a_graph_that_is_right_passes_without_a_computation(
    graph_module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    real = torch.fx.Interpreter.call_function

    def call(self: torch.fx.Interpreter, target: Any, args: Any, kwargs: Any) -> Any:
        calls.append(target)
        return real(self, target, args, kwargs)

    monkeypatch.setattr(torch.fx.Interpreter, "call_function", call)
    _check(graph_module)
    assert len(calls) >= 4
    calls.clear()
    with verified_dtypes.applied():
        _check(graph_module)
    assert calls == []


def test_wrong_dtypes_are_refused(graph_module: Any) -> None:
    product = next(node for node in graph_module.graph.nodes if "mul" in node.name)
    product.meta["val"] = product.meta["val"].to(torch.int64)
    with pytest.raises(Exception, match=".") as upstream:
        _check(graph_module)
    with verified_dtypes.applied(), pytest.raises(Exception, match="mismatched dtypes") as ours:
        _check(graph_module)
    assert isinstance(ours.value, verifier.SpecViolationError)
    assert "mul" in str(ours.value)
    assert "mul" in str(upstream.value) or "dtype" in str(upstream.value)


def test_a_value_that_a_node_does_not_state_is_computed(graph_module: Any) -> None:
    product = next(node for node in graph_module.graph.nodes if "mul" in node.name)
    for user in list(product.users):
        assert "val" in user.meta
    del next(node for node in graph_module.graph.nodes if "getitem" in node.name).meta["val"]
    with verified_dtypes.applied():
        _check(graph_module)
