"""Refuse calibrations that have taught nothing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e import MinMaxObserver, ObserverBase
from torchao.quantization.pt2e.observer import HistogramObserver

from pte_foundry.errors import PteError
from pte_foundry.quantization.float_layers import module_of


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


def check_ranges(model: str, prepared: GraphModule) -> None:
    """Refuse ranges of activations that no program could run with.

    A range of one value only, zero included, saturates for every other input. Constants of the
    model, scalars too, are not learned and may be what they are.

    Raises:
        PteError: `bad-calibration` for an observer of an activation that has seen nothing, nothing
            finite, or one value only; names the operator.
    """
    for node in prepared.graph.nodes:
        if node.op != "call_module":
            continue
        observer = prepared.get_submodule(str(node.target))
        source = node.args[0]
        if not isinstance(observer, ObserverBase) or not isinstance(source, Node):
            continue
        if not isinstance(observer, (MinMaxObserver, HistogramObserver)):
            continue
        if source.op == "get_attr":
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
        f"model {model!r}: {what}. Take photographs like those that the model will see into the "
        "calibration set; for an operator that is named, `float_modules` keeps it in float",
    )
