"""Test support: the static recipe of XNNPACK with a fault in it, which a validation has to see.

Both are mistakes that still lower, load and run: nothing but the outputs tells.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import Node

from pte_foundry.backends.option_values import choose
from pte_foundry.quantization.recipe import Quantized, QuantizationRequest
from pte_foundry.quantization.recipes import xnnpack_static

FAULTS = ("none", "zero-point", "per-tensor-weights")
OPTIONS: Mapping[str, str] = {
    **xnnpack_static.OPTIONS,
    "fault": "none; zero-point: the zero point of the first activation, which is the input, is off "
    "by a quarter of the range; per-tensor-weights: one scale for all channels of each weight",
}
NEEDS_CALIBRATION = True

_OFF = 64
_PER_TENSOR = "quantize_per_tensor"
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
        _shift_zero_point(quantized.exported_program)
    elif fault == "per-tensor-weights":
        _use_one_scale(quantized.exported_program)
    return quantized


def _own(options: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in options.items() if name != "fault"}


def _shift_zero_point(program: ExportedProgram) -> None:
    """Of the first quantized activation and its readers, so that they agree and the range is wrong."""
    first = next(node for node in program.graph.nodes if _PER_TENSOR in str(node.target))
    zero_point = first.args[2]
    wrong = zero_point + _OFF if zero_point < 0 else zero_point - _OFF
    for node in (first, *first.users):
        if _PER_TENSOR in str(node.target):
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
    raise AssertionError(f"{node.name} is no constant of the program")
