"""XNNPACK's patterns, exported where a graph has their operators.

Two of its passes look for a graph of bilinear upsampling and for one of attention, and export six little models to
have these graphs, with the compiler's tracer. A pattern matches operator by operator, so that a graph without one of
its operators has no match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

from pte_foundry.speedups.upstream import Upstream, replaced

_PASSES = "executorch.backends.xnnpack._passes"
_GRAPHS = "executorch.backends.xnnpack.partition.graphs"
_MATCHER = "torch.fx.passes.utils.matcher_utils"

UPSTREAM = (
    Upstream(
        f"{_PASSES}.convert_to_upsample_bilinear2d",
        "ConvertToUpsampleBilinear2d.call",
        "d6d9c859f8b87991",
    ),
    Upstream(f"{_PASSES}.convert_to_sdpa", "ConvertToSDPAPass.call", "4a789124b2f94fae"),
    Upstream(f"{_GRAPHS}.bilinear_2d", "_get_bilinear_2d_graphs", "77141bc03a50d7d1"),
    Upstream(f"{_GRAPHS}.sdpa", "get_graphs", "665b47517d50bd9e"),
    Upstream(_MATCHER, "SubgraphMatcher._nodes_are_equal", "b3cf5de7a34912b7"),
    Upstream(_MATCHER, "SubgraphMatcher._match_nodes", "33d538bdbd7f1ab2"),
)

BILINEAR = ("aten::upsample_bilinear2d.vec",)
"""Operators that are in every pattern of bilinear upsampling."""

ATTENTION = (
    "aten::_softmax",
    "aten::bmm",
    "aten::logical_not",
    "aten::mul.Scalar",
    "aten::where.self",
)
"""Some of those that are in every pattern of attention."""

_NO_PATTERNS = SimpleNamespace(get_graphs=lambda: [], get_graphs_dict=lambda: {})


def has_all(graph_module: Any, operators: Sequence[str]) -> bool:
    """Whether a graph calls each of the operators, named as their schemas are."""
    called = {
        node.target.name()
        for node in graph_module.graph.nodes
        if node.op == "call_function" and hasattr(node.target, "_schema")
    }
    return called.issuperset(operators)


def _call(
    upstream: Callable[[Any, Any], Any], module: ModuleType, patterns: str, needed: Sequence[str]
) -> Callable[[Any, Any], Any]:
    def call(self: Any, graph_module: Any) -> Any:
        if has_all(graph_module, needed):
            return upstream(self, graph_module)
        with replaced(module, patterns, _NO_PATTERNS):
            return upstream(self, graph_module)

    return call


@contextmanager
def applied() -> Iterator[None]:
    # Other backends do not import them.
    from executorch.backends.xnnpack._passes import (  # type: ignore[import-untyped]
        convert_to_sdpa,
        convert_to_upsample_bilinear2d,
    )

    bilinear = convert_to_upsample_bilinear2d.ConvertToUpsampleBilinear2d
    attention = convert_to_sdpa.ConvertToSDPAPass
    calls = (
        (bilinear, convert_to_upsample_bilinear2d, "bilinear_2d", BILINEAR),
        (attention, convert_to_sdpa, "sdpa", ATTENTION),
    )
    with ExitStack() as stack:
        for owner, module, patterns, needed in calls:
            ours = _call(owner.call, module, patterns, needed)
            stack.enter_context(replaced(owner, "call", ours))
        yield
