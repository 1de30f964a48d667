"""The steps of PT2E quantization: export, prepare, calibrate, convert, export again."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import GraphModule
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import Quantizer

from pte_foundry.quantization.ranges import check_inputs, check_ranges
from pte_foundry.quantization.recipe import QuantizationRequest


def quantize_pt2e(
    request: QuantizationRequest,
    quantizer: Quantizer,
    inputs: Iterable[tuple[Tensor, ...]] = (),
) -> ExportedProgram:
    """Quantize `request.module` as `quantizer` annotates it.

    Args:
        inputs: calibration inputs; none for a quantizer that inserts no observers of activations.

    Returns:
        The program in ATen dialect, with quantize and dequantize operators.

    Raises:
        PteError: `bad-calibration`, see `check_inputs` and `check_ranges`.
    """
    begin = request.begin
    with torch.no_grad():
        begin("exporting for quantization")
        program = torch.export.export(request.module.eval(), request.example_inputs, strict=False)
        prepared = prepare_pt2e(program.module(), quantizer)
        calibrate(request, prepared, inputs)
        begin("converting to integers")
        converted = convert_pt2e(prepared)
        return torch.export.export(converted, request.example_inputs, strict=False)


def calibrate(
    request: QuantizationRequest, prepared: GraphModule, inputs: Iterable[tuple[Tensor, ...]]
) -> None:
    """Let the observers of `prepared` see `inputs`.

    In float64, because ranges reach the bytes: the last bits of float32 sums depend on the CPU and on
    the number of threads, those of float64 vanish when ranges are rounded to float32. Weights are
    float32 numbers and survive the way there and back unchanged.

    Raises:
        PteError: `bad-calibration`, see `check_inputs` and `check_ranges`.
    """
    prepared.double()
    for number, one in enumerate(inputs, 1):
        request.begin(f"calibrating with input {number}")
        check_inputs(request.model, number, one)
        prepared(*(x.double() if x.is_floating_point() else x for x in one))
    prepared.float()
    check_ranges(request.model, prepared)
