from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from types import ModuleType

import pytest
import torch
from executorch.devtools.backend_debug import (  # type: ignore[import-untyped]
    get_delegation_info,
)
from torch import Tensor, nn

from explain.inside.delegate_calls import delegate_calls
from explain.inside.lowering_record import LOWER, LoweringRecord, record_lowering
from pte_foundry.backends import lowering
from pte_foundry.backends.coreml import lowering as coreml
from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.portable import lowering as portable
from pte_foundry.backends.vulkan import lowering as vulkan
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.speedups.install import speedups


class Model(nn.Module):
    """Convolutions that every backend takes around an operator that few do."""

    def __init__(self, odd: object) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 1)
        self.odd = odd
        self.second = nn.Conv2d(4, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        assert callable(self.odd)
        result: Tensor = self.second(self.odd(self.first(image)))
        return result


@cache
def lower(backend: ModuleType, odd: object) -> LoweringRecord:
    """As fast as an export, which is what is recorded elsewhere."""
    exported = torch.export.export(Model(odd).eval(), (torch.zeros(1, 3, 4, 4),), strict=False)
    with speedups(), record_lowering(etrecord=False) as record, torch.no_grad():
        backend.lower(LoweringRequest(exported, backend.PRECISIONS[0], {}))
    return record


def convolutions(operators: Mapping[str, int]) -> int:
    """CoreML has them as `aten.conv2d.default`, the others as `aten.convolution.default`."""
    return sum(count for name, count in operators.items() if name.startswith("aten.conv"))


@pytest.mark.parametrize(
    ("backend", "odd", "operator", "reason"),
    [
        (xnnpack, torch.acosh, "aten.acosh.default", "does not know the operator"),
        (xnnpack, lambda x: (x.to(torch.int32) * 2).float(), "aten.mul.Tensor", "invalid dtype"),
        (vulkan, torch.acosh, "aten.acosh.default", "no operator implementation"),
        (coreml, torch.acosh, "aten.acosh.default", "is not supported by CoreML"),
    ],
)
def test_what_is_left_over_has_its_reason(
    backend: ModuleType, odd: object, operator: str, reason: str
) -> None:
    record = lower(backend, odd)
    found = {each.operator: each.reason for each in record.left_over}
    assert reason in found[operator]
    assert [name for name in found if "conv" in name] == []
    assert convolutions(record.operators) == 2
    assert record.operators[operator] == 1
    assert record.edge is not None
    calls = delegate_calls(record.edge.exported_program().graph_module)
    assert [convolutions(call.operators) for call in calls] == [1, 1]
    assert all(call.payload_bytes > 0 for call in calls)


def test_counts_are_those_of_executorchs_own_tool() -> None:
    record = lower(xnnpack, torch.acosh)
    assert record.edge is not None
    graph_module = record.edge.exported_program().graph_module
    info = get_delegation_info(graph_module)
    calls = delegate_calls(graph_module)
    assert info.num_delegated_subgraphs == len(calls) == 2
    assert info.num_delegated_nodes == sum(sum(call.operators.values()) for call in calls)


def test_without_a_delegate_all_is_left_over() -> None:
    record = lower(portable, torch.acosh)
    assert {each.reason for each in record.left_over} == {"the backend has no delegate"}
    assert len(record.left_over) == sum(record.operators.values()) == 3
    assert [each.module for each in record.left_over] == ["first", "", "second"]


def _replaced() -> tuple[object, int]:
    return vars(lowering)[LOWER], logging.getLogger("executorch.backends.xnnpack").level


def test_everything_is_as_before_afterwards() -> None:
    before = _replaced()
    with record_lowering(etrecord=False):
        assert all(one != other for one, other in zip(_replaced(), before))
    assert _replaced() == before
