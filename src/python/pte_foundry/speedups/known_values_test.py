from __future__ import annotations

from typing import Any

import pytest
import torch
from executorch.exir import to_edge  # type: ignore[import-untyped]
from executorch.exir.dialects._ops import ops  # type: ignore[import-untyped]
from executorch.exir.pass_base import ExportPass  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.export import Dim

from pte_foundry.speedups import known_values


class _Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        filled = torch.full_like(x, 2.0)
        return (torch.cat([y, y + 1.0]).relu() * 2.0).view(-1).sum() + filled.sum()


@pytest.fixture()
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Operators that are run."""
    names: list[str] = []
    real = torch.fx.Interpreter.call_function

    def call(self: torch.fx.Interpreter, target: Any, args: Any, kwargs: Any) -> Any:
        if type(self) is torch.fx.Interpreter:
            names.append(target.__name__)
        return real(self, target, args, kwargs)

    monkeypatch.setattr(torch.fx.Interpreter, "call_function", call)
    return names


def _edge(model: nn.Module, x: Tensor, **options: Any) -> Any:
    program = torch.export.export(model.eval(), (x,), **options)
    return to_edge(program).exported_program().graph_module


def _retrace(graph_module: Any, some_pass: ExportPass | None = None) -> Any:
    return (some_pass or ExportPass())(graph_module).graph_module


def _said(graph_module: Any) -> list[tuple[str, str, str]]:
    return [
        (node.name, str(node.target), repr(node.meta.get("val")))
        for node in graph_module.graph.nodes
    ]


def test_a_second_retrace_runs_views_alone_and_gives_the_same_graph(calls: list[str]) -> None:
    first = _edge(_Model(), torch.ones(2, 3))
    expected = _said(_retrace(_retrace(first)))
    with known_values.applied():
        once = _retrace(first)
        calls.clear()
        twice = _retrace(once)
    ran = [name for name in calls if name != "getitem"]
    assert len(expected) > 10 and _said(twice) == expected
    assert not any("layer_norm" in name or "mul" in name or "cat" in name for name in ran), ran


class _OtherFactor(ExportPass):  # type: ignore[misc]
    def call_operator(self, op: Any, args: Any, kwargs: Any, meta: Any) -> Any:
        if op == ops.edge.aten.mul.Tensor:
            return super().call_operator(ops.edge.aten.mul.Scalar, (args[0], 3), kwargs, meta)
        if op == ops.edge.aten.relu.default:
            op = ops.edge.aten.sigmoid.default
        return super().call_operator(op, args, kwargs, meta)


def test_what_a_pass_changes_is_run_and_so_is_all_after_it(calls: list[str]) -> None:
    first = _edge(_Model(), torch.ones(2, 3))
    expected = _said(_retrace(_retrace(first), _OtherFactor()))
    with known_values.applied():
        once = _retrace(first)
        calls.clear()
        twice = _retrace(once, _OtherFactor())
    assert _said(twice) == expected
    ran = " ".join(calls)
    assert "sigmoid" in ran and "mul" in ran and "layer_norm" not in ran


class _Twice(ExportPass):  # type: ignore[misc]
    """Emits every relu two times, with what the first one says of itself."""

    def call_operator(self, op: Any, args: Any, kwargs: Any, meta: Any) -> Any:
        if op == ops.edge.aten.relu.default:
            super().call_operator(op, args, kwargs, meta)
        return super().call_operator(op, args, kwargs, meta)


def test_two_nodes_of_a_graph_have_two_values() -> None:
    with known_values.applied():
        graph_module = _retrace(_retrace(_edge(_Model(), torch.ones(2, 3))), _Twice())
    one, other = (node for node in graph_module.graph.nodes if "relu" in str(node.target))
    assert one.meta["val"] is not other.meta["val"]


def test_dynamic_sizes_are_run_every_time(calls: list[str]) -> None:
    shapes = ({0: Dim("n", min=1, max=8)},)
    first = _edge(_Model(), torch.ones(2, 3), dynamic_shapes=shapes)
    with known_values.applied():
        once = _retrace(first)
        calls.clear()
        _retrace(once)
    assert any("layer_norm" in name for name in calls)


@pytest.mark.parametrize(
    ("target", "remembered"),
    [
        (torch.ops.aten.relu.default, True),
        (ops.edge.aten.relu.default, True),
        (torch.ops.aten.native_layer_norm.default, True),
        (torch.ops.aten.relu_.default, False),
        (torch.ops.aten.view.default, False),
        (ops.edge.aten.view.default, False),
        (torch.ops.aten.add.out, False),
        (max, False),
    ],
)
def test_views_and_changes_are_not_remembered(target: Any, remembered: bool) -> None:
    assert known_values._returns_new_tensors(target) is remembered


def test_plain_arguments_that_compare_equal_are_told_apart() -> None:
    described = []
    for value in (1, 1.0, True, -0.0, 0.0, [1], (1,), torch.float32, torch.float64):
        plain: list[str] = []
        assert known_values._list_arguments(value, plain, [])
        described.append(tuple(plain))
    assert len(set(described)) == len(described)
    assert not known_values._list_arguments([torch.nn.Identity()], [], [])


class _Shorter(ExportPass):  # type: ignore[misc]
    """One of the tensors that are put together is left out: what follows has another shape."""

    def call_operator(self, op: Any, args: Any, kwargs: Any, meta: Any) -> Any:
        if op == ops.edge.aten.cat.default:
            args = (args[0][:1], *args[1:])
        return super().call_operator(op, args, kwargs, meta)


def test_arguments_of_another_shape_give_another_value() -> None:
    class _Together(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([x, x]).relu()

    first = _edge(_Together(), torch.ones(2, 3))
    expected = _said(_retrace(_retrace(first), _Shorter()))
    with known_values.applied():
        found = _said(_retrace(_retrace(first), _Shorter()))
    assert found == expected and "size=(2, 3)" in found[-2][2]


def test_only_new_tensors_of_fixed_size_and_without_content_are_remembered() -> None:
    with FakeTensorMode():
        x = torch.ones(2, 3)
        assert known_values._is_new(x + 1, [x])
        assert known_values._is_new((x + 1, x + 2), [x])
        assert not known_values._is_new(x, [x])
        assert not known_values._is_new(x.view(-1), [x])
        assert not known_values._is_new((x + 1, x[0]), [x])
        assert not known_values._is_new(torch.tensor(1.0), [x]), "it has a content"
        assert not known_values._is_new((), [x])
    assert not known_values._is_new(torch.ones(1), [])
