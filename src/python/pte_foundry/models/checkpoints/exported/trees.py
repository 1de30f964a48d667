"""How inputs and outputs are nested: torch's tree specs, of plain containers only.

A tree spec is JSON in a text, and each container's keys are JSON in a text again, which torch loads with
a hook that imports modules by name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pte_foundry.models.checkpoints.exported.fields import (
    Misfit,
    each,
    field,
    is_whole,
    parse_json,
    record,
    shown,
)

_DEEPEST = 60
_SEQUENCES = ("builtins.tuple", "builtins.list")
_MAPPINGS = ("builtins.dict", "collections.OrderedDict")
_QUEUE = "collections.deque"


@dataclass(frozen=True)
class Tree:
    """A container, or a leaf if `kind` is None.

    Attributes:
        keys: of a dict, in the order of `children`; of a deque its greatest length.
    """

    kind: str | None
    keys: tuple[str | int, ...] | int | None
    children: list[Tree]

    @property
    def leaves(self) -> int:
        return sum(child.leaves for child in self.children) if self.kind is not None else 1

    def spec(self) -> str:
        """What `torch.utils._pytree.treespec_loads` reads."""
        return json.dumps([1, self._json()])

    def _json(self) -> dict[str, object]:
        context = None if self.kind is None else json.dumps(self.keys)
        children = [child._json() for child in self.children]
        return {"type": self.kind, "context": context, "children_spec": children}


def parse_tree(text: object) -> Tree:
    """
    Raises:
        Misfit: if it is not a tree of tuples, lists, dicts and deques.
    """
    if not isinstance(text, str):
        raise Misfit(f"{shown(text)} where a text belongs")
    content = parse_json(text)
    if not isinstance(content, list) or len(content) != 2 or content[0] != 1:
        raise Misfit("a nesting of inputs or outputs in another form than this version of torch's")
    return _tree(content[1], 0)


def _tree(value: Any, depth: int) -> Tree:
    if depth > _DEEPEST:
        raise Misfit("containers that are nested too deep")
    values = record(value, ("type", "context", "children_spec"))
    children = field(
        values, "children_spec", lambda found: each(found, lambda one: _tree(one, depth + 1))
    )
    kind, context = values["type"], values["context"]
    if kind is None:
        if context is not None or children:
            raise Misfit("a leaf with content")
        return Tree(None, None, [])
    if kind not in (*_SEQUENCES, *_MAPPINGS, _QUEUE):
        raise Misfit(
            f"a container {shown(kind)}: only tuple, list, dict, OrderedDict and deque are", True
        )
    if not isinstance(context, str):
        raise Misfit(f"{shown(context)} where a text belongs").inside("context")
    keys = field(values, "context", parse_json)
    if kind in _MAPPINGS:
        return Tree(kind, _keys(keys, len(children)), children)
    if keys is None or kind == _QUEUE and is_whole(keys) and len(children) <= keys < 2**31:
        return Tree(kind, keys, children)
    raise Misfit(f"{shown(keys)} as what a {kind} is made of", isinstance(keys, dict))


def _keys(keys: Any, count: int) -> tuple[str | int, ...]:
    if not isinstance(keys, list) or len(keys) != count:
        raise Misfit(f"{shown(keys)} where {count} keys belong", isinstance(keys, dict))
    for key in keys:
        if not (isinstance(key, str) or is_whole(key)) or not str(key)[:1000].isprintable():
            raise Misfit(f"the key {shown(key)}: only texts and numbers are", isinstance(key, dict))
        if len(str(key)) > 1000:
            raise Misfit("a key of more than 1000 characters")
    if len(set(keys)) != count:
        raise Misfit("a key twice")
    return tuple(keys)
