"""The steps of PT2E quantization: export, prepare, calibrate, convert, export again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import GraphModule, Node
from torch.fx.node import map_aggregate
from torchao.quantization.pt2e import MinMaxObserver  # type: ignore[import-untyped]
from torchao.quantization.pt2e.observer import HistogramObserver, ObserverBase  # type: ignore[import-untyped]
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e  # type: ignore[import-untyped]
from torchao.quantization.pt2e.quantizer import Quantizer  # type: ignore[import-untyped]

from pte_foundry.errors import PteError
from pte_foundry.quantization.float_layers import module_of
from pte_foundry.quantization.recipe import QuantizationRequest
from pte_foundry.quantization.recurrent import without_recurrent_layers
from pte_foundry.quantization.state import StateInFloat, written_buffers


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
        PteError: `bad-calibration` for an activation whose range is of no use to a program.
    """
    begin = request.begin
    with torch.no_grad():
        begin("exporting for quantization")
        program = torch.export.export(request.module.eval(), request.example_inputs, strict=False)
        program = without_recurrent_layers(program)
        module = program.module()
        state = {name: module.get_buffer(name).clone() for name in written_buffers(module)}
        prepared = prepare_pt2e(module, StateInFloat(quantizer) if state else quantizer)
        _calibrate(request, prepared, inputs)
        begin("converting to integers")
        converted = convert_pt2e(prepared)
        # Its folding of constants runs what needs no input, such as a count.
        _restore(converted, state)
        return torch.export.export(converted, request.example_inputs, strict=False)


def _calibrate(
    request: QuantizationRequest, prepared: GraphModule, inputs: Iterable[tuple[Tensor, ...]]
) -> None:
    """Let the observers of `prepared` see `inputs`.

    In float64, because ranges reach the bytes: the last bits of float32 sums depend on the CPU and on
    the number of threads, those of float64 vanish when ranges are rounded to float32. Weights are
    float32 numbers and survive the round trip unchanged.
    """
    kept = _kept(prepared)
    prepared.double()
    with _casts_to_float64(prepared):
        for number, one in enumerate(inputs, 1):
            request.begin(f"calibrating with input {number}")
            prepared(*(x.double() if x.is_floating_point() else x for x in one))
    prepared.float()
    _restore(prepared, kept)
    _check_ranges(request.model, prepared)


def _kept(prepared: GraphModule) -> dict[str, Tensor]:
    """What a calibration may change of the model: its buffers, which it may write to, and other floats than float32."""
    observers = tuple(
        f"{name}." for name, module in prepared.named_modules() if isinstance(module, ObserverBase)
    )
    buffers = {
        name: buffer.clone()
        for name, buffer in prepared.named_buffers()
        if not name.startswith(observers)
    }
    others = {
        name: one.detach().clone()
        for name, one in prepared.named_parameters()
        if one.dtype is not torch.float32
    }
    return {**buffers, **others}


def _restore(prepared: GraphModule, kept: dict[str, Tensor]) -> None:
    for name, value in kept.items():
        owner, _, attribute = name.rpartition(".")
        found: Tensor = getattr(prepared.get_submodule(owner), attribute)
        if found.dtype is not value.dtype or not torch.equal(found, value):
            found.data = value


@contextmanager
def _casts_to_float64(prepared: GraphModule) -> Iterator[None]:
    """Within this block, what the graph makes or expects as float32 is float64, as everything else is then."""
    nodes = [node for node in prepared.graph.nodes if node.op == "call_function"]
    written = [(node, node.args, node.kwargs) for node in nodes]

    def double(value: Any) -> Any:
        return torch.float64 if value is torch.float32 else value

    changed = False
    for node, args, kwargs in written:
        wide = map_aggregate(args, double), map_aggregate(kwargs, double)
        if wide != (args, kwargs):
            node.args, node.kwargs = wide
            changed = True
    if not changed:
        yield
        return
    prepared.recompile()
    yield
    for node, args, kwargs in written:
        node.args, node.kwargs = args, kwargs
    prepared.recompile()


def _check_ranges(model: str, prepared: GraphModule) -> None:
    """Refuse ranges of activations that are of no use to a program.

    A range of only one value, zero included, saturates for every other input. Constants of the
    model, scalars too, are not learned, and may be anything.

    Raises:
        PteError: `bad-calibration` for an observer of an activation that has seen nothing, nothing
            finite, or only one value; names the operator.
    """
    constants: set[Node] = set()
    for node in prepared.graph.nodes:
        if node.op != "placeholder" and constants.issuperset(node.all_input_nodes):
            constants.add(node)
        if node.op != "call_module":
            continue
        observer, source = prepared.get_submodule(str(node.target)), node.args[0]
        if not isinstance(observer, (MinMaxObserver, HistogramObserver)):
            continue
        if not isinstance(source, Node) or source in constants:
            continue
        if source.target is torch.ops.aten.mul.Tensor and any(
            map(_is_zero, source.all_input_nodes)
        ):
            continue  # The first state of a recurrent layer is zero, and so are products with it.
        least, greatest = observer.min_val, observer.max_val
        where = f"{source.name} (in {module_of(source) or 'the outermost module'})"
        if least.numel() == 0 or bool((least > greatest).any()):
            raise _bad(model, f"no input was shown to the observer of {where}")
        if not (torch.isfinite(least).all() and torch.isfinite(greatest).all()):
            raise _bad(model, f"the values of {where} are not finite")
        if bool((least == greatest).all()):
            raise _bad(
                model,
                f"{where} has the value {float(least.flatten()[0]):.6g} for all inputs: any other one would saturate",
            )


def _is_zero(node: Node) -> bool:
    """Whether it is made of zeros, perhaps by way of observers and views."""
    while len(node.all_input_nodes) == 1:
        node = node.all_input_nodes[0]
    return str(node.target).startswith("aten.zeros.")


def _bad(model: str, what: str) -> PteError:
    return PteError(
        "bad-calibration",
        f"model {model!r}: {what}. Calibrate on inputs like those that the model will see; if an operator is named, "
        "`float_modules` and `float_operators` can keep it in float",
    )
