"""What an operator's schema says about memory: which arguments a call writes to, and which its results may share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch._ops import OpOverload
from torch.fx import Node


def written_by(call: Node) -> Iterator[Node]:
    """The arguments that a call writes to, passed by position or by name."""
    if isinstance(call.target, OpOverload):
        for declared, value in _arguments(call):
            if declared.alias_info is not None and declared.alias_info.is_write:
                yield from _nodes(value)


def may_alias(call: Node, argument: Node) -> bool:
    """Whether a result of the call may share the memory of `argument`, as a view of it does."""
    if not isinstance(call.target, OpOverload):
        return call.op == "call_function"  # getitem, and what calls graphs.
    returned = set[str]().union(
        *(
            one.alias_info.before_set
            for one in call.target._schema.returns
            if one.alias_info is not None
        )
    )
    for declared, value in _arguments(call):
        alias = declared.alias_info
        # `*` is of operators that return a list of views, such as split: no set of theirs names the argument.
        shared = alias is not None and (alias.before_set & returned or "*" in alias.after_set)
        if shared and argument in _nodes(value):
            return True
    return False


def _arguments(call: Node) -> Iterator[tuple[Any, object]]:
    schema: Any = call.target._schema  # type: ignore[union-attr]
    yield from zip(schema.arguments, call.args)
    by_name = {one.name: one for one in schema.arguments}
    yield from ((by_name[name], value) for name, value in call.kwargs.items() if name in by_name)


def _nodes(value: object) -> Iterator[Node]:
    """Of an argument, which may be a list of tensors."""
    values = value if isinstance(value, (list, tuple)) else (value,)
    yield from (one for one in values if isinstance(one, Node))
