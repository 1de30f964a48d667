"""Vulkan: GPUs of Android devices and desktops, and Apple's GPUs through MoltenVK."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from executorch.backends.vulkan.partitioner.vulkan_partitioner import (  # type: ignore[import-untyped]
    VulkanPartitioner,
)
from executorch.backends.vulkan.utils import (  # type: ignore[import-untyped]
    DEFAULT_TEXTURE_LIMITS,
)
from torch.export import ExportedProgram
from torch.fx import GraphModule
from torch.fx.passes.infra.pass_base import PassResult
from torch.utils._pytree import tree_map_only

from pte_foundry.backends.lowering import (
    Lowered,
    LoweringRequest,
    check_supported,
    lower_with,
    without_assertions,
)
from pte_foundry.backends.option_values import bad_value, choose
from pte_foundry.errors import PteError

# int8 is weights only, if the program has quantized ones; computations are float16 in both.
PRECISIONS: tuple[str, ...] = ("fp16", "int8")
OPTIONS: Mapping[str, str] = {
    "force_fp16": "`true`: store and compute in float16, which the precisions mean; inputs "
    "and outputs of the program stay float32",
    "texture_limits": "largest extent of an image texture that the program may use, in texels: one "
    "number for all three axes, or `x,y,z`. Default 16384,16384,2048, which Android GPUs commonly "
    "have; `2048` suits Apple's GPUs (MoltenVK) and most desktop GPUs, and leaves tensors that do "
    "not fit to buffers",
}

# A driver must support 256 (maxImageDimension3D in the table of required limits of the Vulkan 1.3
# specification); extents travel in the delegate as uint32 and beyond 2^16 no GPU has them.
_SMALLEST, _LARGEST = 256, 65536
_HALF_MAX = float(torch.finfo(torch.float16).max)


def check_options(options: Mapping[str, str]) -> None:
    """Raises PteError `bad-option` for a value that Vulkan does not have."""
    choose(__name__, options, "force_fp16", ("true",))
    _texture_limits(options.get("texture_limits"))


def lower(request: LoweringRequest) -> Lowered:
    """Lower every operator that Vulkan takes, at float16, to the delegate `VulkanBackend`.

    Linear layers whose weight the program dequantizes read int8 weights.

    Raises:
        PteError: `unsupported-precision`, `bad-option`; `lowering-failed` for anything else that is
            quantized.
    """
    check_supported(__name__, PRECISIONS, OPTIONS, request.precision, request.options)
    check_options(request.options)
    _check_quantized(request.exported_program)
    limits = _texture_limits(request.options.get("texture_limits"))
    # Both are written out, although one is a default today: they then stand in the program.
    options = {"force_fp16": True, "texture_limits": limits}
    return lower_with(
        request,
        [VulkanPartitioner(options)],
        transform_passes=[_finite_scalars, without_assertions],
    )


def _finite_scalars(graph_module: GraphModule) -> PassResult:
    """Infinite scalars, with which attention masks, become the ends of float16's range.

    The payload is written as JSON, which has no infinity. After a softmax both leave nothing of what they mask.
    """
    changed = False
    for module in graph_module.modules():
        for node in module.graph.nodes if isinstance(module, GraphModule) else ():
            if node.op == "call_function":
                args, kwargs = tree_map_only(float, _finite, (node.args, node.kwargs))
                if (args, kwargs) != (node.args, node.kwargs):
                    node.args, node.kwargs, changed = args, kwargs, True
    return PassResult(graph_module, changed)


def _finite(value: float) -> float:
    return math.copysign(_HALF_MAX, value) if math.isinf(value) else value


def _check_quantized(program: ExportedProgram) -> None:
    """Refuse what ExecuTorch 1.5 lowers and its runtime does not load.

    - A convolution packs its weight when the program is loaded, and for that it has to be stored
      and not computed (`prepack_weights` in runtime/graph/ops/impl/Convolution.cpp).
    - Activations are converted from and to float32 alone (the shaders q8ta_quantize and
      q8ta_dequantize), and with `force_fp16` there are none.
    """
    for node in program.graph.nodes:
        name = str(node.target)
        if not name.startswith("quantized_decomposed."):
            continue
        weight = name == "quantized_decomposed.dequantize_per_channel.default"
        for user in node.users:
            if not weight or user.target is not torch.ops.aten.linear.default:
                raise PteError(
                    "lowering-failed",
                    f"{__name__}: {name} in front of {user.target}: Vulkan reads int8 "
                    "weights of linear layers, and nothing else that is quantized. Use the recipe "
                    "weights_only with the option `operators`: `linear`",
                )


def _texture_limits(value: str | None) -> tuple[int, int, int]:
    """Extents along x, y and z, in texels."""
    if value is None:
        x, y, z = DEFAULT_TEXTURE_LIMITS
        return x, y, z
    numbers = value.split(",")
    digits = all(number.isascii() and number.isdigit() for number in numbers)
    extents = [int(number) for number in numbers] if digits else []
    if len(extents) == 1:
        extents *= 3
    if len(extents) != 3 or any(not _SMALLEST <= extent <= _LARGEST for extent in extents):
        expected = f"one number or `x,y,z`, each from {_SMALLEST} to {_LARGEST}"
        raise bad_value(__name__, "texture_limits", value, expected)
    return extents[0], extents[1], extents[2]
