"""MIL operators in PyTorch, on float32 tensors.

Semantics: the operators' documentation in coremltools 9.0, coremltools/converters/mil/mil/ops/defs.
Arguments that a program leaves out have the defaults that are documented there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pte_foundry.backends.interpreter import unknown

Arguments = Mapping[str, Any]
Operator = Callable[[Arguments], Sequence[Tensor]]


def _numbers(value: Any) -> list[int]:
    """A list of integers, which programs store as a tensor of one dimension."""
    return [int(number) for number in value.tolist()]


def _padding(arguments: Arguments, sizes: Sequence[int]) -> list[int]:
    """Elements before and after each spatial dimension, in the order of MIL: first dimension first.

    Args:
        sizes: extent of the kernel in each spatial dimension.
    """
    kind = arguments.get("pad_type", "valid")
    if kind == "valid":
        return [0] * (2 * len(sizes))
    if kind == "custom":
        return _numbers(arguments["pad"])
    raise unknown("pad_type", f"{kind!r}")


def _padded(x: Tensor, padding: Sequence[int], value: float) -> Tensor:
    # torch's `pad` begins with the last dimension.
    pairs = [padding[place : place + 2] for place in range(0, len(padding), 2)]
    flat = [number for pair in reversed(pairs) for number in pair]
    return functional.pad(x, flat, value=value) if any(flat) else x


def _conv(arguments: Arguments) -> tuple[Tensor]:
    x, weight = arguments["x"], arguments["weight"]
    if weight.dim() != 4:
        raise unknown("conv", f"a weight of {weight.dim()} dimensions")
    padding = _padding(arguments, weight.shape[2:])
    strides, dilations = arguments.get("strides"), arguments.get("dilations")
    return (
        functional.conv2d(
            _padded(x, padding, 0.0),
            weight,
            arguments.get("bias"),
            stride=[1, 1] if strides is None else _numbers(strides),
            dilation=[1, 1] if dilations is None else _numbers(dilations),
            groups=arguments.get("groups", 1),
        ),
    )


def _max_pool(arguments: Arguments) -> tuple[Tensor]:
    if arguments.get("ceil_mode", False):
        raise unknown("max_pool", "ceil_mode")
    kernel = _numbers(arguments["kernel_sizes"])
    strides = arguments.get("strides")
    padded = _padded(arguments["x"], _padding(arguments, kernel), float("-inf"))
    stride = [1] * len(kernel) if strides is None else _numbers(strides)
    return (functional.max_pool2d(padded, kernel, stride),)


def _gelu(arguments: Arguments) -> tuple[Tensor]:
    mode = arguments.get("mode", "EXACT")
    if mode == "EXACT":
        return (functional.gelu(arguments["x"]),)
    if mode == "TANH_APPROXIMATION":
        return (functional.gelu(arguments["x"], approximate="tanh"),)
    raise unknown("gelu", f"mode {mode!r}")


def _layer_norm(arguments: Arguments) -> tuple[Tensor]:
    x, axes = arguments["x"], _numbers(arguments["axes"])
    if sorted(axis % x.dim() for axis in axes) != list(range(x.dim() - len(axes), x.dim())):
        raise unknown("layer_norm", f"axes {axes} that are not the last ones")
    shape = list(x.shape[x.dim() - len(axes) :])
    epsilon = arguments.get("epsilon", 1e-5)
    return (
        functional.layer_norm(x, shape, arguments.get("gamma"), arguments.get("beta"), epsilon),
    )


def _matmul(arguments: Arguments) -> tuple[Tensor]:
    x, y = arguments["x"], arguments["y"]
    x = x.transpose(-1, -2) if arguments.get("transpose_x", False) else x
    y = y.transpose(-1, -2) if arguments.get("transpose_y", False) else y
    return (x @ y,)


def _reshape(arguments: Arguments) -> tuple[Tensor]:
    shape = _numbers(arguments["shape"])
    if 0 in shape:
        raise unknown("reshape", "a 0 in the shape")
    return (arguments["x"].reshape(shape),)


def _concat(arguments: Arguments) -> tuple[Tensor]:
    if arguments.get("interleave", False):
        raise unknown("concat", "interleave")
    return (torch.cat(arguments["values"], arguments["axis"]),)


def _split(arguments: Arguments) -> tuple[Tensor, ...]:
    x, axis = arguments["x"], arguments["axis"]
    if "split_sizes" in arguments:
        return tuple(x.split(_numbers(arguments["split_sizes"]), axis))
    return tuple(x.chunk(arguments["num_splits"], axis))


def _upsample(arguments: Arguments) -> tuple[Tensor]:
    factors = (arguments["scale_factor_height"], arguments["scale_factor_width"])
    if any(factor != int(factor) for factor in factors):
        raise unknown("upsample_nearest_neighbor", f"factors {factors}")
    height, width = map(int, factors)
    x: Tensor = arguments["x"]
    return (x.repeat_interleave(height, -2).repeat_interleave(width, -1),)


def _affine_dequantize(arguments: Arguments) -> tuple[Tensor]:
    """(data - zero point) * scale, per channel of `axis`: constant weights."""
    data = arguments["quantized_data"].to(torch.float32)
    shape = [1] * data.dim()
    scale, zero = torch.as_tensor(arguments["scale"]), torch.as_tensor(arguments["zero_point"])
    channels = shape.copy()
    channels[arguments["axis"]] = -1
    scale = scale.to(torch.float32).reshape(channels if scale.dim() else shape)
    zero = zero.to(torch.float32).reshape(channels if zero.dim() else shape)
    return ((data - zero) * scale,)


def _shift_scale(arguments: Arguments) -> tuple[Tensor]:
    """(data - offset) * scale, where scale and offset hold one number for each block of `data`."""
    data, scale = arguments["data"].to(torch.float32), arguments["scale"].to(torch.float32)
    offset = arguments.get("offset")
    shifted = data - _blocks(offset.to(torch.float32), data) if offset is not None else data
    return (shifted * _blocks(scale, data),)


def _blocks(numbers: Tensor, data: Tensor) -> Tensor:
    for axis, (blocks, size) in enumerate(zip(numbers.shape, data.shape)):
        if blocks == 0 or size % blocks:
            raise unknown("constexpr_blockwise_shift_scale", f"{size} elements in {blocks} blocks")
        numbers = numbers.repeat_interleave(size // blocks, axis)
    return numbers


def _clip(arguments: Arguments) -> tuple[Tensor]:
    return (arguments["x"].clamp(arguments["alpha"], arguments["beta"]),)


def _thresholded_relu(arguments: Arguments) -> tuple[Tensor]:
    x = arguments["x"]
    return (torch.where(x >= arguments["alpha"], x, torch.zeros_like(x)),)


def _sigmoid_hard(arguments: Arguments) -> tuple[Tensor]:
    return ((arguments["x"] * arguments["alpha"] + arguments["beta"]).clamp(0.0, 1.0),)


def _reduce_mean(arguments: Arguments) -> tuple[Tensor]:
    axes, keep = _numbers(arguments["axes"]), arguments.get("keep_dims", False)
    return (arguments["x"].mean(axes, keepdim=keep),)


def _cast(arguments: Arguments) -> tuple[Tensor]:
    if arguments["dtype"] not in ("fp16", "fp32"):
        raise unknown("cast", f"to {arguments['dtype']!r}")
    # What is float16 is rounded by the caller, as every result is.
    return (arguments["x"].to(torch.float32),)


OPERATORS: Mapping[str, Operator] = {
    "add": lambda arguments: (arguments["x"] + arguments["y"],),
    "cast": _cast,
    "clip": _clip,
    "concat": _concat,
    "constexpr_affine_dequantize": _affine_dequantize,
    "constexpr_blockwise_shift_scale": _shift_scale,
    "conv": _conv,
    "gelu": _gelu,
    "layer_norm": _layer_norm,
    "linear": lambda arguments: (
        functional.linear(arguments["x"], arguments["weight"], arguments.get("bias")),
    ),
    "matmul": _matmul,
    "max_pool": _max_pool,
    "mul": lambda arguments: (arguments["x"] * arguments["y"],),
    "real_div": lambda arguments: (arguments["x"] / arguments["y"],),
    "reduce_mean": _reduce_mean,
    "relu": lambda arguments: (arguments["x"].relu(),),
    "relu6": lambda arguments: (arguments["x"].clamp(0.0, 6.0),),
    "reshape": _reshape,
    "sigmoid": lambda arguments: (arguments["x"].sigmoid(),),
    "sigmoid_hard": _sigmoid_hard,
    "silu": lambda arguments: (functional.silu(arguments["x"]),),
    "softmax": lambda arguments: (arguments["x"].softmax(arguments.get("axis", -1)),),
    "split": _split,
    "sub": lambda arguments: (arguments["x"] - arguments["y"],),
    "thresholded_relu": _thresholded_relu,
    "transpose": lambda arguments: (arguments["x"].permute(_numbers(arguments["perm"])),),
    "upsample_nearest_neighbor": _upsample,
}
