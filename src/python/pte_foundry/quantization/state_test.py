from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.fx import GraphModule

from pte_foundry.quantization.state import of_state_alone, written_buffers


class _States(nn.Module):
    """A count, a sum of inputs, a sum of that sum, a table that is only read."""

    count: Tensor
    sum: Tensor
    sums: Tensor
    table: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("count", "sum", "sums", "table"):
            self.register_buffer(name, torch.zeros(2))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        self.count[:1].add_(1.0)
        self.sums.add_(self.sum)
        self.sum.add_(x)
        return x + self.count * 2, self.sums * 3, self.table * 4, x * 5


def _graph() -> GraphModule:
    return torch.export.export(_States(), (torch.zeros(2),), strict=False).module()


def test_buffers_that_are_written_to() -> None:
    assert {*written_buffers(_graph())} == {"count", "sum", "sums"}


def test_what_inputs_go_into_is_not_of_state_alone() -> None:
    module = _graph()
    alone = of_state_alone(module)
    # The count, its view, the addition, and the product with 2; not the sum with x.
    assert {str(node.target) for node in alone if node.op == "get_attr"} == {"count"}
    products = [node for node in alone if str(node.target) == "aten.mul.Tensor"]
    assert [node.args[1] for node in products] == [2]
    assert not any(node.op == "placeholder" for node in alone)
