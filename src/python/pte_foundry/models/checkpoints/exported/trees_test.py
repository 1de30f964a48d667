from __future__ import annotations

import json
from collections import OrderedDict, deque
from typing import Any

import pytest
from torch.utils import _pytree as pytree

from pte_foundry.models.checkpoints.exported.fields import Misfit
from pte_foundry.models.checkpoints.exported.trees import parse_tree


@pytest.mark.parametrize(
    "value",
    [
        0,
        (),
        ((1, [2, (3,)]), {"a": {"b": 4, 7: 5}}),
        OrderedDict(first=1, second=deque([1, 2], maxlen=3)),
        deque([1]),
    ],
)
def test_trees_of_torch_are_written_again(value: Any) -> None:
    expected = pytree.tree_structure(value)
    tree = parse_tree(pytree.treespec_dumps(expected))
    assert pytree.treespec_loads(tree.spec()) == expected
    assert tree.leaves == expected.num_leaves


def _spec(kind: object, context: object, children: int = 0) -> str:
    leaf: dict[str, object] = {"type": None, "context": None, "children_spec": []}
    return json.dumps([1, {"type": kind, "context": context, "children_spec": [leaf] * children}])


_ENUM = json.dumps({"__enum__": True, "fqn": "ctypes:cdll", "name": "./model.pt2"})


@pytest.mark.parametrize(
    "text",
    [
        *(_spec("builtins.tuple", _ENUM), _spec("builtins.list", _ENUM)),
        *(_spec("builtins.dict", _ENUM), _spec("collections.deque", _ENUM)),
        _spec("collections.OrderedDict", f"[{_ENUM}]", 1),
        _spec(
            "collections.defaultdict", {"default_factory_module": "os", "default_factory_name": "x"}
        ),
        *(_spec("collections.namedtuple", "x"), _spec("os.system", "null")),
        _spec({"a": 1}, "null"),
    ],
)
def test_what_imports_modules_is_refused(text: str) -> None:
    with pytest.raises(Misfit) as caught:
        parse_tree(text)
    assert caught.value.runs_code


@pytest.mark.parametrize(
    "text",
    [
        *("", "hello", "{}", "[1]", "[2, {}]", "[1, {}]", "[" * 100_000, "[NaN, {}]", None, 1),
        *(_spec("builtins.tuple", "[]"), _spec("builtins.tuple", None)),
        *(_spec("builtins.dict", '["a"]'), _spec("builtins.dict", '["a", "a"]', 2)),
        *(_spec("builtins.dict", '["\\u001b"]', 1), _spec("builtins.dict", "[true]", 1)),
        *(_spec("collections.deque", "1", 2), _spec(None, "null")),
        '[1, {"type": null, "type": null, "context": null, "children_spec": []}]',
    ],
)
def test_what_is_not_a_tree_is_refused(text: object) -> None:
    with pytest.raises(Misfit):
        parse_tree(text)
