"""State of a model: buffers that it writes to, and what is computed from them alone, such as a count of its calls."""

from __future__ import annotations

from torch._ops import OpOverload
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e.quantizer import Quantizer  # type: ignore[import-untyped]
from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY  # type: ignore[import-untyped]

from pte_foundry.aliasing import may_alias, written_by


def written_buffers(module: GraphModule) -> dict[str, list[Node]]:
    """The names of the buffers that a graph writes to, in its order, each with the calls that do."""
    found: dict[str, list[Node]] = {}
    for node in module.graph.nodes:
        for written in written_by(node):
            origin = _origin(written)
            if origin.op == "get_attr":
                found.setdefault(str(origin.target), []).append(node)
    return found


def of_state_alone(module: GraphModule) -> set[Node]:
    """What changes from call to call whatever the inputs are: no calibration can learn its range."""
    writers = written_buffers(module)
    # Buffers into which inputs go, perhaps by way of others.
    of_inputs: set[str] = set()
    while True:
        varying: set[Node] = set()
        for node in module.graph.nodes:
            reads = node.op == "get_attr" and node.target in of_inputs
            if node.op == "placeholder" or reads or not varying.isdisjoint(node.all_input_nodes):
                varying.add(node)
        found = {name for name, calls in writers.items() if not varying.isdisjoint(calls)}
        if found == of_inputs:
            break
        of_inputs = found
    alone: set[Node] = set()
    for node in module.graph.nodes:
        reads = node.op == "get_attr" and node.target in writers
        if node not in varying and (reads or not alone.isdisjoint(node.all_input_nodes)):
            alone.add(node)
    return alone


class StateInFloat(Quantizer):  # type: ignore[misc]
    """Another quantizer, less its annotations of operators with an operand `of_state_alone`.

    In integers, a count would be a constant to the conversion, or saturate where the calibration ended.
    """

    def __init__(self, quantizer: Quantizer) -> None:
        super().__init__()
        self._quantizer = quantizer

    def transform_for_annotation(self, model: GraphModule) -> GraphModule:
        transformed: GraphModule = self._quantizer.transform_for_annotation(model)
        return transformed

    def annotate(self, model: GraphModule) -> GraphModule:
        model = self._quantizer.annotate(model)
        alone = of_state_alone(model)
        for node in model.graph.nodes:
            if not alone.isdisjoint(node.all_input_nodes):
                node.meta.pop(Q_ANNOTATION_KEY, None)
        return model

    def validate(self, model: GraphModule) -> None:
        self._quantizer.validate(model)


def _origin(node: Node) -> Node:
    """What a view is a view of, and what an operation in place was done to."""
    while isinstance(node.target, OpOverload) and node.args and isinstance(node.args[0], Node):
        if not may_alias(node, node.args[0]):
            break
        node = node.args[0]
    return node
