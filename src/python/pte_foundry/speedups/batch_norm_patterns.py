"""XNNPACK's patterns of convolutions with batch norms, exported where a graph has a batch norm.

Its quantizer looks for such pairs in four annotators, and exports twelve little models to have their graphs. A pattern
matches operator by operator, and each has a batch norm; PT2E has folded most of them into convolutions by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pte_foundry.speedups.upstream import Upstream, replaced
from pte_foundry.speedups.xnnpack_patterns import has_all

_UTILITIES = "executorch.backends.xnnpack.quantizer.xnnpack_quantizer_utils"
_MATCHER = "torch.fx.passes.utils.matcher_utils"

UPSTREAM = (
    Upstream(_UTILITIES, "_do_annotate_conv_bn", "873daa992df61b96"),
    Upstream(
        "torchao.quantization.pt2e.utils", "_get_aten_graph_module_for_pattern", "2760e12e1e6e5325"
    ),
    Upstream(_MATCHER, "SubgraphMatcher._nodes_are_equal", "b3cf5de7a34912b7"),
    Upstream(_MATCHER, "SubgraphMatcher._match_nodes", "33d538bdbd7f1ab2"),
)

BATCH_NORM = ("aten::batch_norm",)
"""Operators that are in every pattern of a convolution and a batch norm."""


@contextmanager
def applied() -> Iterator[None]:
    # Only static quantization imports it.
    from executorch.backends.xnnpack.quantizer import (  # type: ignore[import-untyped]
        xnnpack_quantizer_utils,
    )

    upstream = xnnpack_quantizer_utils._do_annotate_conv_bn

    def annotate(gm: Any, *arguments: Any, **named: Any) -> Any:
        if has_all(gm, BATCH_NORM):
            return upstream(gm, *arguments, **named)
        gm.graph.eliminate_dead_code()
        gm.recompile()
        return []

    with replaced(xnnpack_quantizer_utils, "_do_annotate_conv_bn", annotate):
        yield
