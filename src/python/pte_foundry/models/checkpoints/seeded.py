"""A deterministic initialisation with useful activations: the same bits on every machine.

Two things are needed at once. Parity checks need activations of ordinary size that depend on the
input (stock random weights give outputs near 1e-10, where every comparison passes or fails by
chance). Shared caches need the same bits from every CPU, thread count and build of the libraries.

1. Every parameter is drawn from its own counter-based integer stream, keyed by seed and name, and
   scaled with operations that IEEE 754 defines exactly (`uniform`, `*`, `+`, rounding to float32).
2. One forward pass then scales each convolution and linear layer to a standard deviation near 1, as
   layer-sequential unit-variance does (Mishkin & Matas, "All you need is a good init", ICLR 2016),
   but by powers of two only. The pass is the model's own, in float32. Where a deviation lies so near a
   rounding boundary that float32 could decide wrongly, the weights are drawn again and all are measured
   in float64, so that the powers of two are always those of float64. A float64 reduction differs in its
   last bits between machines; the power of two differs only if the deviation lies within that noise of
   a boundary. `Scaling.margin` says how far away it was.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.counter_stream import uniform

# Where float32 may decide: so far must log2(standard deviation) be from a rounding boundary, and so large the deviation
# beside the greatest magnitude. On the 595 layers of MobileNet, YOLO and PE float32 is at most 1.7e-6 from float64.
_FLOAT32_MARGIN = 1e-3
_FLOAT32_NOISE = 1e-2

_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


@dataclass(frozen=True)
class Scaling:
    """What the forward pass did to one layer.

    Attributes:
        layer: dotted name of the convolution or linear layer.
        exponent: weight and bias were multiplied by 2**exponent.
        margin: distance of log2(standard deviation) from the nearest point where the exponent would
            change, in [0, 0.5]; infinite for a layer whose output does not vary at all.
    """

    layer: str
    exponent: int
    margin: float


@dataclass(frozen=True)
class Initialised:
    """What an initialisation did.

    Attributes:
        scalings: one entry per scaled layer, in execution order.
        output: what the model returned for the example inputs, with its new weights.
    """

    scalings: tuple[Scaling, ...]
    output: object


class _Undecided(Exception):
    """Float32 is not precise enough to choose the power of two."""


def initialise(module: nn.Module, example_inputs: tuple[Tensor, ...], seed: str) -> Initialised:
    """Overwrite the parameters and batch-norm statistics of `module`, which is in eval mode.

    A parameter with `requires_grad` off is a constant of the architecture and is left alone; so is
    every buffer but the running mean and variance.

    Args:
        example_inputs: what the module's forward takes; they choose the scales.
        seed: any text; another text gives other weights.

    Raises:
        PteError: `bad-builder` if nothing can be initialised or an activation is not finite.
        Exception: whatever the module raises if it rejects its inputs.
    """
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise PteError(
            "bad-builder",
            f"seeded weights: {type(module).__name__} has no parameter with requires_grad on, so "
            "nothing would be initialised. Leave it on for all but constants in the builder",
        )
    with torch.no_grad():
        _draw(module, seed)
        try:
            if _all_float32(module, example_inputs):
                return _scaled_in_float32(module, example_inputs)
        except _Undecided:
            _draw(module, seed)
        return _scaled_in_float64(module, example_inputs)


def _all_float32(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> bool:
    """Whether nothing that the model computes with is less precise than float32."""
    tensors = (*module.parameters(), *module.buffers(), *example_inputs)
    return all(x.dtype == torch.float32 for x in tensors if x.is_floating_point())


def _draw(module: nn.Module, seed: str) -> None:
    done: set[int] = set()
    for prefix, child in module.named_modules():
        for name, parameter in child.named_parameters(recurse=False):
            if parameter.requires_grad and id(parameter) not in done:
                done.add(id(parameter))  # Tied parameters are drawn once, by their first name.
                _fill(parameter, f"{seed}/{prefix}.{name}", *_range(child, name, parameter))
        if isinstance(child, nn.modules.batchnorm._NormBase) and child.running_mean is not None:
            assert child.running_var is not None
            # Not the identity, so that folding batch norm into a convolution is really tested.
            _fill(child.running_mean, f"{seed}/{prefix}.running_mean", 0.0, 0.25)
            _fill(child.running_var, f"{seed}/{prefix}.running_var", 1.0, 0.5)


def _range(owner: nn.Module, name: str, parameter: Tensor) -> tuple[float, float]:
    """Centre and half-width of the uniform distribution of one parameter."""
    if isinstance(owner, _NORMS):
        return (1.0, 0.25) if name == "weight" else (0.0, 0.25)
    if isinstance(owner, nn.PReLU):
        return 0.25, 0.125
    if isinstance(owner, nn.Embedding):
        return 0.0, 1.0
    if name == "bias":
        return 0.0, 0.25
    if parameter.dim() >= 2 and isinstance(owner, (nn.Linear, nn.modules.conv._ConvNd)):
        return 0.0, _unit_variance(parameter[0].numel())
    if parameter.dim() == 2:  # A bare matrix, such as the projections of nn.MultiheadAttention.
        return 0.0, _unit_variance(parameter.shape[1])
    return 0.0, 0.5  # Tokens, position tables, layer scales.


def _unit_variance(fan_in: int) -> float:
    """Half-width h with fan_in * h**2 / 3 == 1. Square root and division are exact in IEEE 754."""
    return math.sqrt(3.0 / fan_in)


def _fill(target: Tensor, key: str, centre: float, half_width: float) -> None:
    values = uniform(key, target.numel())
    values *= half_width
    values += centre
    target.copy_(torch.from_numpy(values.astype(np.float32)).reshape(target.shape))


def _scaled_in_float32(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> Initialised:
    log: dict[str, Scaling] = {}
    output = _scale_layers(module, example_inputs, log, _measured_in_float32)
    return Initialised(tuple(log.values()), output)


def _scaled_in_float64(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> Initialised:
    log: dict[str, Scaling] = {}
    inputs = tuple(x.double() if x.is_floating_point() else x for x in example_inputs)
    _scale_layers(copy.deepcopy(module).double(), inputs, log, _measured)
    for name, layer in module.named_modules():
        if name in log:
            _multiply(layer, log[name].exponent)
    return Initialised(tuple(log.values()), module(*example_inputs))


def _scale_layers(
    module: nn.Module,
    example_inputs: tuple[Tensor, ...],
    log: dict[str, Scaling],
    measure: Callable[[str, Tensor], Scaling],
) -> object:
    """One forward, in which every layer is scaled as soon as it has run; returns the output."""
    scaled: set[int] = set()

    def hook(name: str, layer: nn.Module, output: Tensor) -> Tensor | None:
        if id(layer.weight) in scaled:
            return None  # Called again, or tied to a layer that ran before: its scale stands.
        scaled.add(id(layer.weight))
        log[name] = measure(name, output)
        _multiply(layer, log[name].exponent)
        # A power of two commutes with every rounding, so this is what a second run would compute.
        return output * 2.0 ** log[name].exponent

    handles = [
        layer.register_forward_hook(
            lambda layer, _inputs, output, name=name: hook(name, layer, output)
        )
        for name, layer in module.named_modules()
        if isinstance(layer, (nn.Linear, nn.modules.conv._ConvNd)) and layer.weight.requires_grad
    ]
    try:
        return module(*example_inputs)
    finally:
        for handle in handles:
            handle.remove()


def _multiply(layer: nn.Module, exponent: int) -> None:
    for parameter in layer.parameters(recurse=False):
        parameter.mul_(2.0**exponent)


def _measured_in_float32(name: str, output: Tensor) -> Scaling:
    precise = output.double()
    deviation, greatest = float(precise.std(unbiased=False)), float(precise.abs().max())
    # Not a number is refused as well, and infinity is left to float64 to find.
    if not _FLOAT32_NOISE * greatest < deviation < math.inf:
        raise _Undecided
    scaling = _scaling(name, deviation)
    if scaling.margin < _FLOAT32_MARGIN:
        raise _Undecided
    return scaling


def _measured(name: str, output: Tensor) -> Scaling:
    deviation = float(output.std(unbiased=False))
    if not math.isfinite(deviation):
        raise PteError(
            "bad-builder",
            f"seeded weights: the output of layer {name!r} is not finite. "
            "Check the example inputs and the layers before it",
        )
    return _scaling(name, deviation)


def _scaling(name: str, deviation: float) -> Scaling:
    if deviation == 0.0:
        return Scaling(name, 0, math.inf)
    position = -math.log2(deviation)
    nearest = math.floor(position + 0.5)
    return Scaling(name, nearest, 0.5 - abs(position - nearest))
