from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.fx import Graph, Node

from pte_foundry.aliasing import may_alias, written_by

_ATEN = torch.ops.aten


def _call(target: Any, *arguments: Any, **named: Any) -> tuple[Node, dict[str, Node]]:
    """A call of an operator; strings stand for tensors, which are returned by name."""
    graph = Graph()
    tensors: dict[str, Node] = {}

    def tensor(value: Any) -> Any:
        if isinstance(value, list):
            return [tensor(one) for one in value]
        if not isinstance(value, str):
            return value
        return tensors.setdefault(value, graph.placeholder(value))

    args = tuple(map(tensor, arguments))
    kwargs = {name: tensor(value) for name, value in named.items()}
    return graph.call_function(target, args, kwargs), tensors


@pytest.mark.parametrize(
    ("call", "written"),
    [
        (_call(_ATEN.add.Tensor, "a", "b"), []),
        (_call(_ATEN.add_.Tensor, "a", "b"), ["a"]),
        (_call(_ATEN.copy_.default, self="a", src="b"), ["a"]),
        (_call(_ATEN.add.out, "a", "b", out="c"), ["c"]),
        (_call(_ATEN._foreach_add_.List, ["a", "b"], ["c", "d"]), ["a", "b"]),
        (_call(_ATEN.view.default, "a", [1]), []),
        (_call(max, "a", "b"), []),
    ],
    ids=lambda value: str(value[0].target) if isinstance(value, tuple) else None,
)
def test_the_written_arguments_of_a_call(
    call: tuple[Node, dict[str, Node]], written: list[str]
) -> None:
    node, _ = call
    assert [one.name for one in written_by(node)] == written


@pytest.mark.parametrize(
    ("call", "aliased"),
    [
        (_call(_ATEN.add.Tensor, "a", "b"), []),
        (_call(_ATEN.add_.Tensor, "a", "b"), ["a"]),
        (_call(_ATEN.view.default, "a", [1]), ["a"]),
        (_call(_ATEN.view.default, self="a", size=[1]), ["a"]),
        (_call(_ATEN.split.Tensor, "a", 1), ["a"]),
        (_call(_ATEN.add.out, "a", "b", out="c"), ["c"]),
        (_call(_ATEN.cat.default, ["a", "b"]), []),
        # Nothing is known of other functions.
        (_call(max, "a", "b"), ["a", "b"]),
    ],
    ids=lambda value: str(value[0].target) if isinstance(value, tuple) else None,
)
def test_what_the_result_of_a_call_may_share(
    call: tuple[Node, dict[str, Node]], aliased: list[str]
) -> None:
    node, tensors = call
    assert [name for name, one in tensors.items() if may_alias(node, one)] == aliased
