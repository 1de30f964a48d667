"""The constants that a model computes with, as a lowering sees them.

The model runs once, and every operator that it calls is watched. What depends neither directly nor
indirectly on the inputs is constant: parameters, buffers, and what operators compute from these alone,
such as a transposed weight. That takes no export, and leaves out constants that the model never uses.

A lowering decomposes some operators. What such a decomposition computes from no input, such as the weights of bicubic
interpolation or a causal mask, may be in a payload as well: `decomposed_constants` finds it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from pte_foundry.models.forward import buffer_versions

_ROUNDINGS = 8
"""More than the float32 operations that a folded bias goes through."""

_CONVOLUTION = "aten::convolution"
_BATCH_NORMS = ("aten::native_batch_norm", "aten::_native_batch_norm_legit_no_training")
_PRODUCTS = {
    "aten::addmm": 1,
    "aten::bmm": 1,
    "aten::linear": 1,
    "aten::mm": 1,
    # The scores, and what they weigh.
    "aten::_scaled_dot_product_flash_attention_for_cpu": 2,
}
"""Operator -> how many matrix products it is."""


@dataclass(frozen=True)
class ModelConstant:
    """A constant that a lowering may write down.

    Attributes:
        name: of the parameter or buffer; for what is computed, a number, how, and from which of these. No
            two have the same name.
        values: float32.
        uncertainty: how far the lowering's float32 may be off, absolute; 0 without a folded batch norm.
        made_of: names of the constants that it was computed from; empty for those themselves.
    """

    name: str
    values: Tensor
    uncertainty: Tensor | float = 0.0
    made_of: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ModelConstants:
    """All floats among a model's constants, in the order of their first use.

    Attributes:
        used: what enters the computation: a payload has to have each of them.
        others: what these were computed from; a payload may have those instead.
        convolutions, products: how many the model computes; products are matrix products.
    """

    used: tuple[ModelConstant, ...]
    others: tuple[ModelConstant, ...]
    convolutions: int
    products: int


def model_constants(
    module: nn.Module, inputs: tuple[Tensor, ...], fold_batch_norms: bool
) -> ModelConstants:
    """Run the model and collect them.

    Args:
        module: in eval mode.
        fold_batch_norms: fold a batch norm into the convolution before it if nothing else reads the
            convolution's result.
    """
    watch = _Watch(_names(module), inputs)
    versions = set(buffer_versions(module))
    with torch.no_grad(), watch:
        returned = module(*inputs)
    watch.returns(returned)
    # What a run writes to is state and no constant.
    state = {name for name, _, _ in versions - set(buffer_versions(module))}
    watch.leave_out(state)
    folded, replaced = watch.folded() if fold_batch_norms else ([], set())
    used = [watch.constants[key] for key in watch.used if key not in replaced]
    others = [one for key, one in watch.constants.items() if key not in watch.used]
    return ModelConstants(
        _floats([*used, *folded]),
        _floats(others),
        watch.calls[_CONVOLUTION],
        sum(watch.calls[name] * products for name, products in _PRODUCTS.items()),
    )


def decomposed_constants(
    module: nn.Module, inputs: tuple[Tensor, ...]
) -> tuple[ModelConstant, ...]:
    """The floats that decompositions of the model's operators make, in that order, without parameters and buffers.

    The model runs with torch's core ATen decompositions, which takes longer than `model_constants`.

    Args:
        module: in eval mode.
    """
    # Late: most programs need none of it.
    from torch._decomp import core_aten_decompositions, decomposition_table

    watch = _Watch(_names(module), inputs)
    # All overloads: what is left of `upsample_bicubic2d.vec`, which is decomposed, below autograd is another one.
    packets = {one.overloadpacket for one in core_aten_decompositions()}
    watch.decompositions = {
        one: made_of
        for one, made_of in decomposition_table.items()
        if isinstance(one, OpOverload) and one.overloadpacket in packets
    }
    with torch.no_grad(), watch:
        module(*inputs)
    made = [one for one in watch.constants.values() if one.name not in watch.names.values()]
    return _floats([replace(one, name=f"decomposed {one.name}") for one in made])


def _names(module: nn.Module) -> dict[int, str]:
    """Identity -> name of each parameter and buffer."""
    return {id(one): name for name, one in (*module.named_buffers(), *module.named_parameters())}


def _floats(constants: Sequence[ModelConstant]) -> tuple[ModelConstant, ...]:
    return tuple(one for one in constants if one.values.is_floating_point())


@dataclass
class _Convolution:
    """Keys of its weight and bias, how often its result is read, and the batch norm that reads it."""

    weight: int
    bias: int | None
    channel_axis: int
    reads: int = 0
    norm: tuple[int | None, ...] = ()
    epsilon: float = 0.0


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operator below autograd, with the very tensors that the model holds.

    Attributes:
        constants: by key, which is a tensor's identity; `_kept` keeps these tensors alive, so that no key
            is used again.
        used: keys of those that met something computed, in that order.
        calls: operator -> number of calls on something computed.
        names: of parameters and buffers, by key.
        decompositions: what to run, and to watch, instead of an operator.
    """

    decompositions: Mapping[OpOverload, Callable[..., Any]] = {}

    def __init__(self, names: Mapping[int, str], inputs: tuple[Tensor, ...]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.constants: dict[int, ModelConstant] = {}
        self.used: dict[int, None] = {}
        self.calls: Counter[str] = Counter()
        self.names = names
        self._kept: list[Tensor] = []
        # What is computed is large, so it is forgotten with the last reference to it.
        self._computed = WeakIdKeyDictionary()
        self._by_result = WeakIdKeyDictionary()
        self._convolutions: list[_Convolution] = []
        for one in inputs:
            self._computed[one] = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here, and opting out of TorchDynamo would import it, which takes a second."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if self.decompositions:
            # Operators that a decomposition calls may be composites of others.
            with self:
                made = self.decompositions.get(func, func.decompose)(*args, **(kwargs or {}))
            if made is not NotImplemented:
                return made
        result = func(*args, **(kwargs or {}))
        operator = func._schema.name
        sources = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
        results = [one for one in tree_leaves(result) if isinstance(one, Tensor)]
        if any(one in self._computed for one in sources):
            self._computes(operator, args, sources, results)
        else:
            for one in results:
                self._constant(one, operator, sources)
        return result

    def _computes(
        self, operator: str, args: tuple[Any, ...], sources: list[Tensor], results: list[Tensor]
    ) -> None:
        self.calls[operator] += 1
        for one in results:
            self._computed[one] = True
        for one in sources:
            if one not in self._computed:
                self.used[self._constant(one)] = None
            elif one in self._by_result:
                self._by_result[one].reads += 1
        transposed_groups = operator == _CONVOLUTION and args[6] and args[8] > 1
        if operator == _CONVOLUTION and args[1] not in self._computed and not transposed_groups:
            bias = None if args[2] is None else id(args[2])
            # The filters of a transposed convolution are [in, out / groups, ...].
            made = _Convolution(id(args[1]), bias, 1 if args[6] else 0)
            self._convolutions.append(made)
            self._by_result[results[0]] = made
        elif operator in _BATCH_NORMS and args[0] in self._by_result:
            # Both schemas: input, weight, bias, mean, variance, ..., epsilon.
            convolution = self._by_result[args[0]]
            convolution.norm = tuple(None if one is None else id(one) for one in args[1:5])
            convolution.epsilon = float(args[-1])

    def _constant(self, tensor: Tensor, operator: str = "", sources: Sequence[Tensor] = ()) -> int:
        """The key of a constant, known or new."""
        key = id(tensor)
        if key in self.constants:
            return key
        self._kept.append(tensor)
        made_of = frozenset[str]()
        for source in sources:
            one = self.constants[self._constant(source)]
            made_of |= one.made_of or {one.name}
        # The number makes names unique: a weight may have several slices.
        name = self.names.get(key, f"tensor {len(self._kept)}")
        if made_of:
            name = f"{name}, {operator} of {', '.join(sorted(made_of))}"
        self.constants[key] = ModelConstant(name, tensor.detach(), 0.0, made_of)
        return key

    def returns(self, value: object) -> None:
        """Outputs that no operator computed, such as anchors, are constants too."""
        for one in tree_leaves(value):
            if isinstance(one, Tensor) and one not in self._computed:
                self._constant(one)

    def leave_out(self, names: Collection[str]) -> None:
        """Forget the constants of these names, and what was computed from them."""
        out = {
            key
            for key, one in self.constants.items()
            if one.name in names or not one.made_of.isdisjoint(names)
        }
        self.used = {key: None for key in self.used if key not in out}
        self.constants = {key: one for key, one in self.constants.items() if key not in out}

    def folded(self) -> tuple[list[ModelConstant], set[int]]:
        """Weights and biases with their batch norm in them, and the keys of what they replace."""
        made: list[ModelConstant] = []
        replaced: set[int] = set()
        for one in self._convolutions:
            if not one.norm or one.reads != 1:
                continue
            keys = [one.weight, one.bias, *one.norm]
            tensors = [None if key is None else self.constants[key].values for key in keys]
            weight, bias, scale, shift, mean, variance = tensors
            assert weight is not None and mean is not None and variance is not None
            values, off, sums, sums_off = fold_batch_norm(
                weight, bias, scale, shift, mean, variance, one.epsilon, one.channel_axis
            )
            name = f"{self.constants[one.weight].name} with its batch norm"
            made += [
                ModelConstant(name, values, off),
                ModelConstant(f"bias of {name}", sums, sums_off),
            ]
            replaced |= {key for key in keys if key is not None}
        return made, replaced


def fold_batch_norm(
    weight: Tensor,
    bias: Tensor | None,
    scale: Tensor | None,
    shift: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    epsilon: float,
    channel_axis: int = 0,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Fold a batch norm into the convolution before it, in float64, as lowerings do in float32.

        weight' = weight * factor, bias' = shift + (bias - mean) * factor, factor = scale / sqrt(variance + eps)

    Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", CVPR 2018, section 3.2; `torch.nn.utils.fusion.fuse_conv_bn_weights`
    and coremltools' pass `fuse_conv_batchnorm` compute the same.

    Args:
        weight: [channels, ...], or [..., channels, ...]; the others [channels], None for zeros (of a scale: ones).
        channel_axis: of the channels in `weight`.

    Returns:
        weight, its uncertainty, bias, its uncertainty: float32. An uncertainty is how far float32
        arithmetic may be off: where terms of a sum cancel, by far more than a last bit of the result.
    """
    channels = [-1 if axis == channel_axis else 1 for axis in range(weight.dim())]
    factor = _or(scale, mean, 1.0) / torch.sqrt(variance.double() + epsilon)
    folded = weight.double() * factor.reshape(channels)
    terms = [_or(shift, mean, 0.0), _or(bias, mean, 0.0) * factor, -mean.double() * factor]
    unit = torch.finfo(torch.float32).eps / 2 * _ROUNDINGS
    return (
        folded.float(),
        (folded.abs() * unit).float(),
        torch.stack(terms).sum(0).float(),
        (torch.stack(terms).abs().sum(0) * unit).float(),
    )


def _or(values: Tensor | None, like: Tensor, otherwise: float) -> Tensor:
    return torch.full_like(like, otherwise).double() if values is None else values.double()
