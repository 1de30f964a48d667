"""The Python code of a graph, generated when it is used.

Each change of a graph ends in `GraphModule.recompile`, which writes the graph as Python, compiles it and makes it the
module's `forward`. Passes read graphs and not code: of the hundreds of such texts an export uses a few. Here
`recompile` only notes that the code is out of date. Whatever asks for `forward`, to call it or to read its signature
(torch.export names a program's inputs after it), or for one of the attributes that belong to the code, gets the real
one. What differs: a graph that is changed and not recompiled afterwards has the code of the changed graph.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch.fx import GraphModule
from torch.fx.graph import PythonCode, _PyTreeCodeGen

from pte_foundry.speedups.upstream import Upstream, replaced

_MODULE = "torch.fx.graph_module"

UPSTREAM = (
    Upstream(_MODULE, "GraphModule.recompile", "98adb1519c457ae4"),
    Upstream(_MODULE, "GraphModule._recompile_submodules", "d8d048e4dfec55eb"),
    Upstream(_MODULE, "GraphModule.__reduce__", "479fb053d55614ee"),
    Upstream(_MODULE, "GraphModule.__reduce_package__", "4bec0f9856baf5d7"),
    Upstream(_MODULE, "GraphModule.__deepcopy__", "895f13008e6b1972"),
)

# What `recompile` puts into a module besides `forward`; the trees of inputs and outputs are there at once.
_GENERATED = ("_code", "_lineno_map", "_prologue_start")
_TREES = ("_in_spec", "_out_spec")

UPSTREAM_RECOMPILE = GraphModule.recompile
_generate = UPSTREAM_RECOMPILE
_late: weakref.WeakSet[GraphModule] = weakref.WeakSet()


def _bring_up_to_date(module: GraphModule) -> None:
    if module not in _late:
        return
    _late.discard(module)
    # They may have been set since.
    trees = {name: vars(module)[name] for name in _TREES if name in vars(module)}
    try:
        _generate(module)
    except BaseException:
        _late.add(module)
        raise
    vars(module).update(trees)


class _LateForward:
    """`forward` of a graph module's own class, until it is asked for."""

    def __init__(self, module: GraphModule) -> None:
        self._module = weakref.ref(module)

    def __get__(self, instance: GraphModule | None, owner: type[GraphModule]) -> Any:
        module = self._module() if instance is None else instance
        if module is None:
            raise AttributeError("the graph module of this class is gone")
        _bring_up_to_date(module)
        forward: Any = vars(type(module))["forward"]
        return forward.__get__(instance, owner)


class _LateAttribute:
    """An attribute that `recompile` sets: kept where it always was, and brought up to date before it is read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: GraphModule | None, owner: type[GraphModule]) -> Any:
        if instance is None:
            return self
        _bring_up_to_date(instance)
        try:
            return vars(instance)[self._name]
        except KeyError:
            raise AttributeError(self._name) from None

    def __set__(self, instance: GraphModule, value: object) -> None:
        vars(instance)[self._name] = value

    def __delete__(self, instance: GraphModule) -> None:
        del vars(instance)[self._name]


class _LateCode:
    """What `recompile` returns, for callers that look at it."""

    def __init__(self, module: GraphModule) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        _late.discard(self._module)
        return getattr(_generate(self._module), name)


def _recompile(self: GraphModule) -> PythonCode | _LateCode:
    own_class = type(self)
    if own_class.recompile is not _recompile or own_class is GraphModule:
        # A subclass with its own `recompile`, or a module that shares its class.
        return _generate(self)
    for name in _GENERATED:
        vars(self).pop(name, None)
    codegen = self._graph._codegen
    if isinstance(codegen, _PyTreeCodeGen):
        self._in_spec, self._out_spec = codegen.pytree_info.in_spec, codegen.pytree_info.out_spec
    _late.add(self)
    own_class.forward = _LateForward(self)  # type: ignore[assignment]
    self._recompile_submodules()
    return _LateCode(self)


def _up_to_date_first(name: str) -> Any:
    upstream = vars(GraphModule)[name]

    def method(self: GraphModule, *arguments: Any) -> Any:
        _bring_up_to_date(self)
        return upstream(self, *arguments)

    return method


@contextmanager
def applied() -> Iterator[None]:
    for name in _GENERATED:
        # For good: modules outlive the block, and one whose code is there behaves as it always did.
        if name not in vars(GraphModule):
            setattr(GraphModule, name, _LateAttribute(name))
    with ExitStack() as stack:
        stack.enter_context(replaced(GraphModule, "recompile", _recompile))
        for name in ("__reduce__", "__reduce_package__"):
            stack.enter_context(replaced(GraphModule, name, _up_to_date_first(name)))
        yield
