"""A retraced operator whose arguments are identical keeps its value.

Most of ExecuTorch's passes trace the whole graph again, dozens of times an export, and run every operator on fake
tensors. Where a node has the operator that its value was computed with, and each argument is the same object that it
was computed from, that value holds. Nothing changes a fake tensor that belongs to a node.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from executorch.exir.dialects.edge._ops import EdgeOpOverload  # type: ignore[import-untyped]
from executorch.exir.pass_base import _ExportPassBase  # type: ignore[import-untyped]
from torch._ops import OpOverload
from torch._subclasses import FakeTensor

from pte_foundry.speedups.upstream import Upstream, replaced

_PASS_BASE = "executorch.exir.pass_base"

UPSTREAM = (
    Upstream(_PASS_BASE, "_ExportPassBase._fx", "d21aacbb5c107fba"),
    Upstream(_PASS_BASE, "_ExportPassBase.call_submodule", "d0245b732570ca52"),
    Upstream(_PASS_BASE, "_ExportPassBase.ExportTracer.set_metadata", "ca07dc1f73717617"),
)

# Values that `repr` describes completely.
_PLAIN = (bool, int, float, str, torch.dtype, torch.device, torch.layout, torch.memory_format)


@dataclass
class _Computed:
    """One call: what was called, with what, and what it returned.

    Attributes:
        traced: the graph that this value was last given to. Two nodes of one graph get two values.
    """

    target: object
    plain: tuple[str, ...]
    tensors: tuple[torch.Tensor, ...]
    value: Any
    traced: weakref.ref[object]


class _Remembering:
    """Replaces the interpreter of a pass during one call."""

    def __init__(
        self, interpreter: torch.fx.Interpreter, known: dict[int, _Computed], old: Any, tracer: Any
    ) -> None:
        self._interpreter, self._known, self._old, self._tracer = interpreter, known, old, tracer

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        plain: list[str] = []
        tensors: list[torch.Tensor] = []
        if not _returns_new_tensors(target) or not _list_arguments((args, kwargs), plain, tensors):
            return self._interpreter.call_function(target, args, kwargs)
        known = self._known.get(_key(self._old))
        if (
            known is not None
            and known.target is target
            and known.traced() is not self._tracer
            and known.plain == tuple(plain)
            and _identical(known.tensors, tensors)
            and _leaves(known.value)[0].fake_mode is self._tracer.fake_tensor_mode
        ):
            known.traced = weakref.ref(self._tracer)
            return known.value
        value = self._interpreter.call_function(target, args, kwargs)
        if _is_new(value, tensors):
            self._known[_key(value)] = _Computed(
                target, tuple(plain), tuple(tensors), value, weakref.ref(self._tracer)
            )
        return value


@functools.cache
def _returns_new_tensors(target: object) -> bool:
    """Whether an operator changes no argument, returns no view of one, and only tensors."""
    operator = target._op if isinstance(target, EdgeOpOverload) else target
    if not isinstance(operator, OpOverload):
        return False
    schema = operator._schema
    return not schema.is_mutable and all(
        one.alias_info is None for one in (*schema.arguments, *schema.returns)
    )


def _list_arguments(value: Any, plain: list[str], tensors: list[torch.Tensor]) -> bool:
    """Take arguments apart, in order; False for any that identity and `repr` do not describe."""
    if isinstance(value, torch.Tensor):
        tensors.append(value)
        plain.append("tensor")
        return not value._has_symbolic_sizes_strides
    if value is None or isinstance(value, _PLAIN):
        plain.append(repr(value))
        return True
    if isinstance(value, dict):
        plain.append(f"dict {list(value)}")
        return all(_list_arguments(one, plain, tensors) for one in value.values())
    if isinstance(value, (list, tuple)):
        plain.append(f"{type(value).__name__} {len(value)}")
        return all(_list_arguments(one, plain, tensors) for one in value)
    return False


def _is_described(value: object) -> bool:
    """A fake tensor of fixed sizes that does not represent a constant, whose value would matter."""
    return (
        isinstance(value, FakeTensor)
        and value.constant is None
        and not value._has_symbolic_sizes_strides
    )


def _is_new(value: Any, arguments: list[torch.Tensor]) -> bool:
    leaves = _leaves(value)
    taken = {one.untyped_storage()._cdata for one in arguments}
    return bool(leaves) and all(
        _is_described(one) and one.untyped_storage()._cdata not in taken for one in leaves
    )


def _leaves(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _identical(some: tuple[torch.Tensor, ...], others: list[torch.Tensor]) -> bool:
    return len(some) == len(others) and all(one is other for one, other in zip(some, others))


def _key(value: Any) -> int:
    """Identity of the first tensor: each node gets a new tuple."""
    return id(value[0]) if isinstance(value, (list, tuple)) and value else id(value)


@contextmanager
def applied() -> Iterator[None]:
    # It holds the tensors whose identities are its keys.
    known: dict[int, _Computed] = {}
    upstream = _ExportPassBase._fx

    def fx(self: Any, kind: str, target: Any, args: Any, kwargs: Any, meta: Any) -> Any:
        if kind != "call_function":
            return upstream(self, kind, target, args, kwargs, meta)
        interpreter = self.interpreter
        self.interpreter = _Remembering(interpreter, known, meta.data.get("val"), self.tracer)
        try:
            return upstream(self, kind, target, args, kwargs, meta)
        finally:
            self.interpreter = interpreter

    with replaced(_ExportPassBase, "_fx", fx):
        yield
