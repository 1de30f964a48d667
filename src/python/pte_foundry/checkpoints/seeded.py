"""A deterministic initialisation with useful activations: the same bits on every machine.

Two things are needed at once. Parity checks need activations of ordinary size that depend on the
input (stock random weights give outputs near 1e-10, where every comparison passes or fails by
chance). Shared caches need the same bits from every CPU, thread count and build of the libraries.

1. Every parameter is drawn from its own counter-based integer stream, keyed by seed and name, and
   scaled with operations that IEEE 754 defines exactly (`uniform`, `*`, `+`, rounding to float32).
2. One forward pass in float64 then scales each convolution and linear layer to a standard deviation
   near 1, as layer-sequential unit-variance does (Mishkin & Matas, "All you need is a good init",
   ICLR 2016), but by powers of two only. A float64 reduction differs in its last bits between
   machines; the power of two differs only if the measured deviation lies within that noise of a
   rounding boundary. `Scaling.margin` says how far away it was.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from pte_foundry.checkpoints.counter_stream import uniform
from pte_foundry.errors import PteError

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


def initialise(
    module: nn.Module, example_inputs: tuple[Tensor, ...], seed: str
) -> tuple[Scaling, ...]:
    """Overwrite the parameters and batch-norm statistics of `module`, which is in eval mode.

    A parameter with `requires_grad` off is a constant of the architecture and is left alone; so is
    every buffer but the running mean and variance.

    Args:
        example_inputs: what the module's forward takes; they choose the scales.
        seed: any text; another text gives other weights.

    Returns:
        One entry per scaled layer, in execution order.

    Raises:
        PteError: `bad-builder` if nothing can be initialised or an activation is not finite.
    """
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise PteError(
            "bad-builder",
            f"seeded weights: {type(module).__name__} has no parameter with requires_grad on, so "
            "nothing would be initialised. Leave it on for all but constants in the builder",
        )
    with torch.no_grad():
        _draw(module, seed)
        return _scale_layers(module, example_inputs)


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
    values = uniform(key, target.numel()) * half_width + centre
    target.copy_(torch.from_numpy(values.astype(np.float32)).reshape(target.shape))


def _scale_layers(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> tuple[Scaling, ...]:
    twin = copy.deepcopy(module).double()
    scalings: list[Scaling] = []
    scaled: set[int] = set()
    for (name, layer), other in zip(module.named_modules(), twin.modules()):
        if not isinstance(layer, (nn.Linear, nn.modules.conv._ConvNd)):
            continue
        if layer.weight.requires_grad:
            other.register_forward_hook(_scaling_hook(name, layer, scaled, scalings))
    twin(*(x.double() if x.is_floating_point() else x for x in example_inputs))
    return tuple(scalings)


def _scaling_hook(
    name: str, layer: nn.Linear | nn.modules.conv._ConvNd, scaled: set[int], log: list[Scaling]
) -> Callable[[nn.Module, object, Tensor], Tensor | None]:
    def hook(twin: nn.Module, _inputs: object, output: Tensor) -> Tensor | None:
        if id(layer.weight) in scaled:
            return None  # Called again, or tied to a layer that ran before: its scale stands.
        scaled.add(id(layer.weight))
        exponent, margin = _exponent(name, output)
        log.append(Scaling(name, exponent, margin))
        factor = 2.0**exponent
        assert isinstance(twin, (nn.Linear, nn.modules.conv._ConvNd))
        for one in (layer, twin):
            one.weight.mul_(factor)
            if one.bias is not None:
                one.bias.mul_(factor)
        # A power of two commutes with every rounding, so this is what a second run would compute.
        return output * factor

    return hook


def _exponent(name: str, output: Tensor) -> tuple[int, float]:
    deviation = float(output.std(unbiased=False))
    if not math.isfinite(deviation):
        raise PteError(
            "bad-builder",
            f"seeded weights: the output of layer {name!r} is not finite. "
            "Check the example inputs and the layers before it",
        )
    if deviation == 0.0:
        return 0, math.inf
    position = -math.log2(deviation)
    nearest = math.floor(position + 0.5)
    return nearest, 0.5 - abs(position - nearest)
