from __future__ import annotations

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import (  # type: ignore[import-untyped]
    XnnpackPartitioner,
)
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (  # type: ignore[import-untyped]
    XNNPACKQuantizer,
    get_symmetric_quantization_config,
)
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.fx import Node
from torchao.quantization.pt2e.quantize_pt2e import (  # type: ignore[import-untyped]
    convert_pt2e,
    prepare_pt2e,
)

from pte_foundry.backends.lowering import LoweringRequest, lower_with
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.quantization.early_linears import linears_first

_X = torch.linspace(-1, 1, 8 * 16).reshape(1, 8, 16)


class _Attention(nn.Module):
    """The value's projection comes after the product of query and key, as in most attentions."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(16, 16) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        scores = torch.bmm(self.query(x), torch.tanh(self.key(x)).transpose(1, 2))
        return x + torch.bmm(torch.softmax(scores, -1), self.value(x))


def _program() -> ExportedProgram:
    torch.manual_seed(0)
    model = nn.Sequential(_Attention(), _Attention()).eval()
    config = get_symmetric_quantization_config(is_per_channel=True, is_dynamic=True)
    with torch.no_grad():
        graph = torch.export.export(model, (_X,), strict=False).module()
        prepared = prepare_pt2e(graph, XNNPACKQuantizer().set_global(config))
        prepared(_X)
        return torch.export.export(convert_pt2e(prepared), (_X,), strict=False)


def _delegate_calls(program: ExportedProgram) -> tuple[int, int]:
    lowered = lower_with(LoweringRequest(program, "fp32", {}), [XnnpackPartitioner()])
    facts = inspect_program(bytes(lowered.program.buffer))
    return facts.delegate_calls, facts.undelegated_total


def test_one_delegate_call_instead_of_one_for_each_block() -> None:
    stock, ordered = _program(), _program()
    linears_first(ordered)
    assert _delegate_calls(ordered) == (1, 0)
    # If this fails, ExecuTorch's partitioner has learned to join them, and the module can go.
    assert _delegate_calls(stock)[0] > 1


def test_the_same_operators_and_the_same_numbers() -> None:
    stock, ordered = _program(), _program()
    linears_first(ordered)

    def names(program: ExportedProgram) -> list[str]:
        return [node.name for node in program.graph.nodes]

    assert names(ordered) != names(stock)
    assert sorted(names(ordered)) == sorted(names(stock))
    with torch.no_grad():
        assert torch.equal(ordered.module()(_X), stock.module()(_X))


def test_linears_follow_the_activation_that_they_share() -> None:
    program = _program()
    linears_first(program)
    nodes = list(program.graph.nodes)
    linears = [node for node in nodes if node.target == torch.ops.aten.linear.default]
    first = nodes.index(linears[0])
    assert [_activation(node) for node in linears[:3]] == [_activation(linears[0])] * 3
    between = nodes[first : nodes.index(linears[2])]
    assert all("bmm" not in node.name for node in between)


def test_other_operators_keep_their_order() -> None:
    stock, ordered = _program(), _program()
    linears_first(ordered)

    def others(program: ExportedProgram) -> list[str]:
        return [
            node.name
            for node in program.graph.nodes
            if not any(word in node.name for word in ("linear", "quant", "qparams", "getitem"))
        ]

    assert others(ordered) == others(stock)


def _activation(linear: Node) -> Node:
    """What the linear's input was before it was quantized."""
    dequantize = linear.args[0]
    assert isinstance(dequantize, Node)
    # The scale is an element of what choose_qparams gives.
    (choose,) = dequantize.args[1].all_input_nodes  # type: ignore[union-attr]
    (activation,) = choose.all_input_nodes
    return activation
