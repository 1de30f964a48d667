from __future__ import annotations

from pathlib import Path

import pytest
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import (  # type: ignore[import-untyped]
    XnnpackPartitioner,
)
from torch import nn
from torch.export import ExportedProgram

from pte_foundry.backends.lowering import LoweringRequest, lower_with
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.quantization.recipes.xnnpack_static import quantize
from pte_foundry.testing.quantization_samples import request, small_detector, write_pictures


@pytest.fixture()
def quantized(tmp_path: Path) -> ExportedProgram:
    pictures = write_pictures(tmp_path, ("a.png", "b.png"))
    return quantize(request(small_detector(), pictures)).exported_program


def test_an_integer_sigmoid_is_one_node_of_the_delegate(quantized: ExportedProgram) -> None:
    with torch.no_grad():
        # ExecuTorch's own choice puts two conversions around each of the two sigmoids.
        stock = bytes(
            lower_with(
                LoweringRequest(quantized, "int8", {}), [XnnpackPartitioner()]
            ).program.buffer
        )
        ours = bytes(xnnpack.lower(LoweringRequest(quantized, "int8", {})).program.buffer)
    assert inspect_program(ours).delegate_calls == inspect_program(stock).delegate_calls == 1
    assert len(ours) < len(stock) - 4 * 64


def test_float_programs_are_what_the_stock_partitioner_makes_of_them() -> None:
    with torch.no_grad():
        image = (torch.rand(1, 3, 16, 16),)
        program = torch.export.export(
            nn.Sequential(small_detector(), nn.Sigmoid()), image, strict=False
        )
        stock = bytes(
            lower_with(LoweringRequest(program, "fp32", {}), [XnnpackPartitioner()]).program.buffer
        )
        ours = bytes(xnnpack.lower(LoweringRequest(program, "fp32", {})).program.buffer)
    assert ours == stock


def test_a_precision_that_it_does_not_have(quantized: ExportedProgram) -> None:
    with pytest.raises(PteError, match="unsupported-precision.*fp32, int8"):
        xnnpack.lower(LoweringRequest(quantized, "fp16", {}))
