"""The static recipe of XNNPACK with a fault in it, which a validation has to catch.

The faults still lower, load and run: only the outputs give them away.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import Node

from pte_foundry.backends.option_values import choose
from pte_foundry.quantization.recipe import QuantizationRequest, Quantized
from pte_foundry.quantization.recipes import xnnpack_static

FAULTS = ("none", "zero-point", "zero-points", "per-tensor-weights")
OPTIONS: Mapping[str, str] = {
    **xnnpack_static.OPTIONS,
    "fault": "none; zero-point: the zero point of the first activation, which is the input, is off "
    "by a quarter of the range; zero-points: so is every activation's; per-tensor-weights: one scale "
    "for all channels of each weight",
}
NEEDS_CALIBRATION = True

_OFF = 64
_QUANTIZE = torch.ops.quantized_decomposed.quantize_per_tensor.default
_DEQUANTIZE = torch.ops.quantized_decomposed.dequantize_per_tensor.default
_PER_CHANNEL = torch.ops.quantized_decomposed.dequantize_per_channel.default


def check_options(options: Mapping[str, str]) -> None:
    """As the static recipe's."""
    choose(__name__, options, "fault", FAULTS)
    xnnpack_static.check_options(_own(options))


def quantize(request: QuantizationRequest) -> Quantized:
    """Quantize statically, then plant the fault."""
    fault = choose(__name__, request.options, "fault", FAULTS)
    quantized = xnnpack_static.quantize(
        QuantizationRequest(**{**vars(request), "options": _own(request.options)})
    )
    if fault == "zero-point":
        _shift_zero_points(quantized.exported_program, count=1)
    elif fault == "zero-points":
        _shift_zero_points(quantized.exported_program)
    elif fault == "per-tensor-weights":
        _use_one_scale(quantized.exported_program)
    return quantized


def _own(options: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in options.items() if name != "fault"}


def _shift_zero_points(program: ExportedProgram, count: int | None = None) -> None:
    """Of quantized activations and their readers, so that they agree and the ranges are wrong."""
    quantizing = [node for node in program.graph.nodes if node.target is _QUANTIZE]
    for first in quantizing[:count]:
        zero_point = first.args[2]
        wrong = zero_point + _OFF if zero_point < 0 else zero_point - _OFF
        for node in (first, *first.users):
            if node.target in (_QUANTIZE, _DEQUANTIZE):
                node.args = (*node.args[:2], wrong, *node.args[3:])


def _use_one_scale(program: ExportedProgram) -> None:
    """Round each weight again, to multiples of the greatest of its channels' scales."""
    for node in program.graph.nodes:
        if node.target is _PER_CHANNEL:
            integers, scales = (_value(program, node.args[place]) for place in (0, 1))
            axis = node.args[3]
            shape = [-1 if dimension == axis else 1 for dimension in range(integers.dim())]
            weight = integers.to(torch.float64) * scales.to(torch.float64).reshape(shape)
            greatest = scales.max()
            integers.copy_((weight / greatest).round().clamp(-127, 127))
            scales.fill_(greatest)


def _value(program: ExportedProgram, node: Node) -> Tensor:
    """The parameter, buffer or constant that stands behind a placeholder."""
    signature = program.graph_signature
    for names in (
        signature.inputs_to_parameters,
        signature.inputs_to_buffers,
        signature.inputs_to_lifted_tensor_constants,
    ):
        if node.name in names:
            name = names[node.name]
            value = program.state_dict.get(name, program.constants.get(name))
            assert isinstance(value, Tensor), name
            return value
    raise AssertionError(f"{node.name} is not a constant of the program")
