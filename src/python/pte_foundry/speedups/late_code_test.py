from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.fx import GraphModule, symbolic_trace

from pte_foundry.speedups import late_code


class _Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def forward(self, picture: Tensor, factor: float = 2.0) -> Tensor:
        return self.linear(picture).relu() * factor  # type: ignore[no-any-return]


@pytest.fixture()
def generated(monkeypatch: pytest.MonkeyPatch) -> list[GraphModule]:
    """The modules whose code was generated."""
    modules: list[GraphModule] = []
    real = late_code._generate

    def generate(module: GraphModule) -> Any:
        modules.append(module)
        return real(module)

    monkeypatch.setattr(late_code, "_generate", generate)
    return modules


@pytest.fixture()
def module(generated: list[GraphModule]) -> Iterator[GraphModule]:
    with late_code.applied():
        yield _traced()


_X = torch.ones(2, 3)


def _traced() -> GraphModule:
    traced = symbolic_trace(_Model())
    for node in traced.graph.nodes:
        node.type = None  # A text here, which torch cannot pickle.
    traced.recompile()
    return traced


def _uses() -> dict[str, Any]:
    return {
        "call": lambda module: module(_X),
        "forward": lambda module: module.forward(_X),
        "code": lambda module: module.code,
        "signature": lambda module: inspect.signature(module.forward),
        "class": lambda module: inspect.signature(type(module).forward),
        "text": str,
        "lines": lambda module: module._lineno_map,
        "pickle": lambda module: pickle.loads(pickle.dumps(module)).code,
        "deepcopy": lambda module: copy.deepcopy(module)(_X),
        "copy": lambda module: copy.copy(module).code,
        "returned": lambda module: module.recompile().src,
    }


def test_code_that_is_not_used_is_not_generated(
    module: GraphModule, generated: list[GraphModule]
) -> None:
    module.recompile()
    assert [node.op for node in module.graph.nodes][0] == "placeholder"
    assert module.state_dict().keys() == _Model().state_dict().keys()
    assert generated == []


@pytest.mark.parametrize("use", _uses())
def test_a_use_gets_what_torch_would_give(
    use: str, module: GraphModule, generated: list[GraphModule]
) -> None:
    use_it = _uses()[use]
    found = use_it(module)
    assert len(generated) >= 1
    with pytest.MonkeyPatch.context() as undone:
        undone.setattr(GraphModule, "recompile", late_code.UPSTREAM_RECOMPILE)
        other = _traced()
        other.load_state_dict(module.state_dict())
        expected = use_it(other)
    if isinstance(expected, Tensor):
        assert torch.equal(found, expected)
    else:
        assert found == expected


def test_the_code_is_generated_once(module: GraphModule, generated: list[GraphModule]) -> None:
    for use in ("call", "code", "signature", "call"):
        _uses()[use](module)
    assert generated == [module]


def test_a_change_counts_when_it_is_recompiled(module: GraphModule) -> None:
    first = module(_X)
    product = next(node for node in module.graph.nodes if "mul" in node.name)
    product.replace_all_uses_with(product.args[0])
    module.graph.erase_node(product)
    assert "mul" in module.code and torch.equal(module(_X), first)
    module.recompile()
    assert "mul" not in module.code and torch.equal(module(_X) * 2, first)


def test_torch_export_sees_the_names_of_inputs(module: GraphModule) -> None:
    program = torch.export.export(module, (_X,))
    assert program.graph_signature.user_inputs[0] == "picture"
    again = torch.export.export(program.module(), (_X,))
    assert again.graph_signature.user_inputs[0] == "picture"


def test_a_subclass_with_its_own_recompile_is_left_alone(generated: list[GraphModule]) -> None:
    class _Own(GraphModule):
        def recompile(self) -> Any:
            self.asked = True
            return super().recompile()

    traced = symbolic_trace(_Model())
    with late_code.applied():
        own = _Own(traced, traced.graph)
        assert own.asked and generated == [own]


def test_submodules_are_recompiled_too(module: GraphModule) -> None:
    parent = torch.fx.Graph()
    parent.output(parent.call_module("child", (parent.placeholder("x"),)))
    outer = GraphModule({"child": module}, parent)
    module.code  # noqa: B018
    next(node for node in module.graph.nodes if node.op == "output").args = (
        next(node for node in module.graph.nodes if "relu" in node.name),
    )
    module.graph.eliminate_dead_code()
    outer.recompile()
    assert "mul" not in module.code


def test_a_module_outlives_the_block(generated: list[GraphModule]) -> None:
    with late_code.applied():
        late = symbolic_trace(_Model())
    assert "relu" in late.code and late(_X).shape == (2, 3)
    generated.clear()
    assert "relu" in symbolic_trace(_Model()).code
    assert generated == [], "outside of the block recompile is torch's own"


def test_trees_of_inputs_that_were_set_since_stay(module: GraphModule) -> None:
    program = torch.export.export(_Model(), (_X,))
    exported = program.graph_module
    exported.recompile()
    vars(exported)["_in_spec"] = "mine"
    assert exported.code and vars(exported)["_in_spec"] == "mine"


def test_code_that_cannot_be_generated_says_so_each_time(module: GraphModule) -> None:
    next(node for node in module.graph.nodes if "mul" in node.name).op = "nonesuch"
    module.recompile()
    for _ in range(2):
        with pytest.raises(NotImplementedError, match="nonesuch"):
            module(_X)
