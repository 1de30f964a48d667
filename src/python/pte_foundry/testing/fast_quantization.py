"""A fixture for conftest.py of tests that quantize statically."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from torch.fx import GraphModule, Node

from pte_foundry.speedups.upstream import replaced

Search = Callable[..., list[list[Node]]]


@pytest.fixture(scope="package", autouse=True)
def fast_quantization() -> Iterator[Search]:
    """No search for convolutions with a batch norm in graphs that have none.

    XNNPACK's quantizer exports a dozen patterns for this search, for more than a second of each quantization, and finds
    nothing but in training: otherwise batch norms are folded before.

    Yields:
        The search that it leaves out.
    """
    from executorch.backends.xnnpack.quantizer import (  # type: ignore[import-untyped]
        xnnpack_quantizer_utils as utils,
    )

    original: Search = utils._do_annotate_conv_bn

    def annotate(graph_module: GraphModule, *rest: Any, **more: Any) -> list[list[Node]]:
        if any("batch_norm" in str(node.target) for node in graph_module.graph.nodes):
            return original(graph_module, *rest, **more)
        graph_module.graph.eliminate_dead_code()
        graph_module.recompile()
        return []

    with replaced(utils, original.__name__, annotate):
        yield original
