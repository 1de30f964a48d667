"""The graph in a Vulkan payload, and its constants, which lie beside it in the program."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from executorch.backends.vulkan.serialization.vulkan_graph_schema import (  # type: ignore[import-untyped]
    VkDataType,
    VkGraph,
    VkTensor,
)
from executorch.backends.vulkan.serialization.vulkan_graph_serialize import (  # type: ignore[import-untyped]
    VulkanDelegateHeader,
    flatbuffer_to_vk_graph,
)
from torch import Tensor

from pte_foundry.backends.interpreter import damaged, unknown

_HEADER = VulkanDelegateHeader.EXPECTED_LENGTH
DTYPES = {
    VkDataType.BOOL: torch.bool,
    VkDataType.UINT8: torch.uint8,
    VkDataType.INT8: torch.int8,
    VkDataType.INT32: torch.int32,
    VkDataType.FLOAT16: torch.float16,
    VkDataType.FLOAT32: torch.float32,
    VkDataType.INT64: torch.int64,
}
_NAMED = (1 << 64) - 1
"""In the place of an offset: the constant is named data of the program, not part of the payload."""


@dataclass(frozen=True)
class VulkanPayload:
    """graph: as ExecuTorch's serializer describes it. constants: bytes by constant id."""

    graph: VkGraph
    constants: tuple[bytes, ...]

    def constant(self, value: VkTensor, where: str) -> Tensor:
        """The tensor that a constant value stands for.

        Raises:
            PteError: `structure` if its bytes are not of its type and shape.
        """
        if not 0 <= value.constant_id < len(self.constants):
            raise damaged(where, f"there is no constant {value.constant_id}")
        dtype, shape = tensor_type(value, where)
        data = bytearray(self.constants[value.constant_id])
        if len(data) != math.prod(shape) * dtype.itemsize:
            raise damaged(where, f"{len(data)} bytes are not {dtype} of shape {list(shape)}")
        found = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
        return found.reshape(shape)


def tensor_type(value: VkTensor, where: str) -> tuple[torch.dtype, tuple[int, ...]]:
    """Raises PteError `not-interpretable` for an element type that PyTorch or we do not have."""
    if value.datatype not in DTYPES:
        raise unknown(where, f"element type {value.datatype!r}")
    return DTYPES[value.datatype], tuple(value.dims)


def read_payload(payload: bytes, named_data: Mapping[str, bytes]) -> VulkanPayload:
    """Read a payload of the delegate `VulkanBackend`.

    Args:
        named_data: of the program, see `pte_foundry.inspection.payloads.named_data`.

    Raises:
        PteError: `structure` if it is none, or refers to bytes that are not there.
    """
    where = "the Vulkan payload"
    try:
        header = VulkanDelegateHeader.from_bytes(payload[:_HEADER])
    except ValueError as error:
        raise damaged(where, f"its header is wrong ({error})") from error
    end = header.flatbuffer_offset + header.flatbuffer_size
    if not header.is_valid() or end > len(payload):
        raise damaged(where, f"its header points behind its {len(payload)} bytes")
    try:
        graph = flatbuffer_to_vk_graph(payload[header.flatbuffer_offset : end])
    except Exception as error:  # flatc and the JSON reader have no common class of errors.
        raise damaged(where, f"its graph cannot be parsed ({type(error).__name__})") from error
    raw = payload[header.bytes_offset : header.bytes_offset + header.bytes_size]
    constants = []
    for number, entry in enumerate(graph.constants):
        if entry.offset == _NAMED:
            if entry.named_key not in named_data:
                raise damaged(where, f"the program has no data {entry.named_key!r}")
            data = named_data[entry.named_key]
        else:
            data = raw[entry.offset : entry.offset + entry.length]
        if len(data) < entry.length:
            raise damaged(where, f"constant {number} has {len(data)} of {entry.length} bytes")
        # Named data may be padded.
        constants.append(bytes(data[: entry.length]))
    return VulkanPayload(graph, tuple(constants))
