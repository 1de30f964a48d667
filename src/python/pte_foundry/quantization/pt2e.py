"""The steps of PT2E quantization: export, prepare, calibrate, convert, export again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e import MinMaxObserver  # type: ignore[import-untyped]
from torchao.quantization.pt2e.observer import HistogramObserver  # type: ignore[import-untyped]
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e  # type: ignore[import-untyped]
from torchao.quantization.pt2e.quantizer import Quantizer  # type: ignore[import-untyped]

from pte_foundry.errors import PteError
from pte_foundry.quantization.float_layers import module_of
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
        PteError: `bad-calibration` for an input without content, and for an activation whose range is of
            no use to a program.
    """
    begin = request.begin
    with torch.no_grad():
        begin("exporting for quantization")
        program = torch.export.export(request.module.eval(), request.example_inputs, strict=False)
        prepared = prepare_pt2e(program.module(), quantizer)
        _calibrate(request, prepared, inputs)
        begin("converting to integers")
        converted = convert_pt2e(prepared)
        return torch.export.export(converted, request.example_inputs, strict=False)


def _calibrate(
    request: QuantizationRequest, prepared: GraphModule, inputs: Iterable[tuple[Tensor, ...]]
) -> None:
    """Let the observers of `prepared` see `inputs`.

    In float64, because ranges reach the bytes: the last bits of float32 sums depend on the CPU and on
    the number of threads, those of float64 vanish when ranges are rounded to float32. Weights are
    float32 numbers and survive the round trip unchanged.
    """
    prepared.double()
    for number, one in enumerate(inputs, 1):
        request.begin(f"calibrating with input {number}")
        check_inputs(request.model, number, one)
        prepared(*(x.double() if x.is_floating_point() else x for x in one))
    prepared.float()
    _check_ranges(request.model, prepared)


def check_inputs(model: str, number: int, inputs: Sequence[Tensor]) -> None:
    """Refuse a calibration input without content.

    Raises:
        PteError: `bad-calibration` for a tensor that is constant or not finite.
    """
    for x in inputs:
        least, greatest = torch.aminmax(x)
        if not (torch.isfinite(least) and torch.isfinite(greatest)):
            raise _bad(model, f"calibration input {number} has values that are not finite")
        if least == greatest:
            raise _bad(
                model,
                f"calibration input {number} has one value, {float(least):.6g}, everywhere: every "
                "other picture would saturate what is learned from it",
            )


def _check_ranges(model: str, prepared: GraphModule) -> None:
    """Refuse ranges of activations that are of no use to a program.

    A range of only one value, zero included, saturates for every other input. Constants of the
    model, scalars too, are not learned, and may be anything.

    Raises:
        PteError: `bad-calibration` for an observer of an activation that has seen nothing, nothing
            finite, or only one value; names the operator.
    """
    for node in prepared.graph.nodes:
        if node.op != "call_module":
            continue
        observer, source = prepared.get_submodule(str(node.target)), node.args[0]
        if not isinstance(observer, (MinMaxObserver, HistogramObserver)):
            continue
        if not isinstance(source, Node) or source.op == "get_attr":
            continue
        least, greatest = observer.min_val, observer.max_val
        where = f"{source.name} (in {module_of(source) or 'the outermost module'})"
        if least.numel() == 0 or bool((least > greatest).any()):
            raise _bad(model, f"no picture was shown to the observer of {where}")
        if not (torch.isfinite(least).all() and torch.isfinite(greatest).all()):
            raise _bad(model, f"the values of {where} are not finite")
        if bool((least == greatest).all()):
            raise _bad(
                model,
                f"{where} has the value {float(least.flatten()[0]):.6g} for all pictures: any other "
                "picture would saturate",
            )


def _bad(model: str, what: str) -> PteError:
    return PteError(
        "bad-calibration",
        f"model {model!r}: {what}. Add photographs like those that the model will see to the "
        "calibration set; if an operator is named, `float_modules` can keep it in float",
    )
