"""What a Vulkan payload stores and says of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from executorch.backends.vulkan.serialization.vulkan_graph_schema import (  # type: ignore[import-untyped]
    VkMemoryLayout,
    VkStorageType,
    VkTensor,
)
from torch import Tensor

from pte_foundry.backends.content import Constant, PayloadContent
from pte_foundry.backends.interpreter import damaged
from pte_foundry.backends.vulkan.payload import DTYPES, VulkanPayload, tensor_type

_INT8_LINEAR = "aten._weight_int8pack_mm.default"
_PREPACK = "et_vk.prepack.default"
_CONVOLUTIONS = ("aten.convolution.default", "et_vk.conv_with_clamp.default")
_PRODUCTS = (_INT8_LINEAR, "aten.bmm.default", "aten.linear.default")
_LIMITS_OPTION = "texture_limits"
_CHANNELS, _HEIGHT, _WIDTH = 0, 1, 2
_PACKED = {
    VkMemoryLayout.TENSOR_WIDTH_PACKED: (_WIDTH,),
    VkMemoryLayout.TENSOR_HEIGHT_PACKED: (_HEIGHT,),
    VkMemoryLayout.TENSOR_CHANNELS_PACKED: (_CHANNELS,),
    VkMemoryLayout.PACKED_INT8_4W4C: (_WIDTH, _CHANNELS),
    VkMemoryLayout.PACKED_INT8_4H4W: (_HEIGHT, _WIDTH),
    VkMemoryLayout.PACKED_INT8_CONV2D: (_WIDTH, _CHANNELS),
}
"""Layout -> the dimensions of which four numbers share a texel."""

_TEXTURES = (VkStorageType.TEXTURE_2D, VkStorageType.TEXTURE_3D)


def vulkan_content(payload: VulkanPayload) -> PayloadContent:
    """Describe a graph; raises PteError `structure` for a constant that its bytes contradict."""
    graph = payload.graph
    operators = Counter(call.name for call in graph.chain if call.name != _PREPACK)
    floats: Counter[str] = Counter()
    for value in graph.values:
        tensor = value.value
        if isinstance(tensor, VkTensor) and tensor.constant_id < 0:
            dtype, _ = tensor_type(tensor, "a value")
            if dtype.is_floating_point:
                floats[_name(dtype)] += 1
    return PayloadContent(
        constants=_constants(payload),
        operators=dict(sorted(operators.items())),
        convolutions=sum(operators[name] for name in _CONVOLUTIONS),
        products=sum(operators[name] for name in _PRODUCTS),
        inputs=_signature(payload, graph.input_ids),
        outputs=_signature(payload, graph.output_ids),
        float_types=dict(sorted(floats.items())),
        keeps_batch_norms=False,
    )


def broken_texture_limits(payload: VulkanPayload, options: Mapping[str, str]) -> tuple[str, ...]:
    """Whether every image texture fits into what the program promises to need of a GPU.

    The extents of a tensor are ExecuTorch's own formula: width, height, and channels times batch, of
    which the packed one has four elements a texel.
    """
    value = options.get(_LIMITS_OPTION)
    if value is None:
        return ()
    numbers = tuple(int(number) for number in value.split(","))
    limits = numbers * 3 if len(numbers) == 1 else numbers
    problems = []
    for place, one in enumerate(payload.graph.values):
        tensor = one.value
        if not isinstance(tensor, VkTensor) or tensor.storage_type not in _TEXTURES:
            continue
        extents = texture_extents(tensor.dims, tensor.memory_layout)
        if any(extent > limit for extent, limit in zip(extents, limits)):
            problems.append(
                f"value {place}, a texture of shape {list(tensor.dims)}, needs {list(extents)} texels, "
                f"at most {list(limits)} are promised"
            )
    return tuple(problems)


def texture_extents(dims: Sequence[int], layout: VkMemoryLayout) -> tuple[int, int, int]:
    """Width, height and depth of the texture of a tensor, in texels of four numbers each.

    Batches lie one behind the other. Source: executorch 1.5.1, backends/vulkan/utils.py, `required_image_extents`.

    Raises:
        PteError: `structure` for a layout that no texture has.
    """
    if layout not in _PACKED:
        raise damaged("the Vulkan graph", f"memory layout {layout}")
    sizes = [1, 1, 1, *dims][-3:]
    for axis in _PACKED[layout]:
        sizes[axis] = -(-sizes[axis] // 4)
    channels, height, width = sizes
    return width, height, channels * (dims[0] if len(dims) > 3 else 1)


def _constants(payload: VulkanPayload) -> tuple[Constant, ...]:
    values = payload.graph.values
    scales = _int8_scales(payload)
    skipped = set(scales.values())
    found: dict[int, Constant] = {}
    for place, one in enumerate(values):
        tensor = one.value
        if not isinstance(tensor, VkTensor) or tensor.constant_id < 0 or place in skipped:
            continue
        where = f"constant {tensor.constant_id}"
        stored = payload.constant(tensor, where)
        size = stored.numel() * stored.itemsize
        if place in scales:
            scale = _float_constant(payload, scales[place])
            step = scale.reshape(-1, *[1] * (stored.dim() - 1))
            size += scale.numel() * 2
            found[tensor.constant_id] = Constant(where, stored.float() * step, step, size)
        elif stored.is_floating_point():
            found[tensor.constant_id] = Constant(where, stored.float(), None, size, stored.dtype)
    return tuple(found.values())


def _int8_scales(payload: VulkanPayload) -> dict[int, int]:
    """Value of an int8 weight [out, in] -> value of its scales [out]; behind prepacking, if any."""
    graph = payload.graph
    origin = {call.args[-1]: call.args[0] for call in graph.chain if call.name == _PREPACK}
    pairs = {}
    for call in graph.chain:
        if call.name != _INT8_LINEAR:
            continue
        weight, scale = (origin.get(place, place) for place in call.args[1:3])
        for place in (weight, scale):
            _tensor(payload, place)
        pairs[weight] = scale
    return pairs


def _float_constant(payload: VulkanPayload, place: int) -> Tensor:
    return payload.constant(_tensor(payload, place), f"value {place}").float()


def _tensor(payload: VulkanPayload, place: int) -> VkTensor:
    values = payload.graph.values
    if not 0 <= place < len(values) or not isinstance(values[place].value, VkTensor):
        raise damaged("the Vulkan graph", f"value {place} is no tensor")
    return values[place].value


def _signature(
    payload: VulkanPayload, places: Sequence[int]
) -> tuple[tuple[tuple[int, ...], str], ...]:
    """Shapes, and the element types of the buffers through which an app's tensors go in and out."""
    found = []
    for place in places:
        tensor = _tensor(payload, place)
        staging = DTYPES.get(tensor.staging_datatype, DTYPES.get(tensor.datatype))
        found.append((tuple(tensor.dims), "unknown" if staging is None else _name(staging)))
    return tuple(found)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
