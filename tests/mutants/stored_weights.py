"""The weights of a program: where they are in its bytes, and how to change one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from executorch.backends.vulkan.serialization.vulkan_graph_schema import (  # type: ignore[import-untyped]
    VkTensor,
)
from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    deserialize_pte_binary,
)

from mutants.program_bytes import read_graph
from pte_foundry.backends.coreml import program as mil_program
from pte_foundry.backends.mps import program as mps_program
from pte_foundry.backends.vulkan import program as vulkan_program
from pte_foundry.inspection.payloads import delegate_payloads, named_data

Array = np.ndarray[Any, Any]
ChangeArray = Callable[[Array], None]

_XNN_TYPES = {
    "xnn_datatype_fp32": np.float32,
    "xnn_datatype_qcint8": np.int8,
    "xnn_datatype_qint8": np.int8,
    "xnn_datatype_qcint32": np.int32,
}


def edit_weight(
    pte: bytes, backend: str, change: ChangeArray, rank: int = 4, nth: int = 0
) -> bytes:
    """Change the n-th largest weight of a rank: 4 is a convolution's, 2 a linear layer's.

    Args:
        change: works in place, and must change something.
    """
    weights = [one for one in _weights(pte, backend) if one.ndim == rank]
    weights.sort(key=lambda one: one.nbytes, reverse=True)
    weight = weights[nth]
    old = weight.tobytes()
    change(weight)
    new = weight.tobytes()
    assert new != old, "the mutation changed nothing"
    # Long enough to occur only once.
    assert pte.count(old) == 1, f"{weight.shape} of {weight.dtype} is there {pte.count(old)} times"
    return pte.replace(old, new)


def _weights(pte: bytes, backend: str) -> list[Array]:
    """Copies of all constants of more than one element."""
    found = {"coreml": _coreml, "mps": _mps, "vulkan": _vulkan, "xnnpack": _xnnpack}
    arrays = found[backend](pte) if backend in found else _portable(pte)
    return [one.copy() for one in arrays if one.size > 1]


def _coreml(pte: bytes) -> Iterable[Array]:
    program = mil_program.interpret(_payload(pte), {})
    return [one.numpy() for one in program.constants.values() if isinstance(one, torch.Tensor)]


def _mps(pte: bytes) -> Iterable[Array]:
    payload = mps_program.interpret(_payload(pte), {}).payload
    return [payload.constant(one, "constant").numpy() for one in payload.graph["constant_ids"]]


def _vulkan(pte: bytes) -> Iterable[Array]:
    payload = vulkan_program.interpret(_payload(pte), named_data(pte)).payload
    tensors = [one.value for one in payload.graph.values if isinstance(one.value, VkTensor)]
    return [payload.constant(one, "constant").numpy() for one in tensors if one.constant_id >= 0]


def _xnnpack(pte: bytes) -> Iterable[Array]:
    graph, data = read_graph("xnnpack", _payload(pte)), named_data(pte)
    for value in graph["xvalues"]:
        tensor = value["xvalue_union"]
        tensor = tensor.get("tensor_value", tensor)
        if tensor["constant_buffer_idx"] and tensor["datatype"] in _XNN_TYPES:
            key = graph["constant_data"][tensor["constant_buffer_idx"]]["named_key"]
            dtype = np.dtype(_XNN_TYPES[tensor["datatype"]])
            count = math.prod(tensor["dims"])
            yield np.frombuffer(data[key][: count * dtype.itemsize], dtype).reshape(tensor["dims"])


def _portable(pte: bytes) -> Iterable[Array]:
    program = deserialize_pte_binary(pte).program
    for value in program.execution_plan[0].values:
        place = getattr(value.val, "data_buffer_idx", 0)
        if place and value.val.allocation_info is None:
            data = bytes(program.constant_buffer[place].storage)
            count = math.prod(value.val.sizes)
            if len(data) >= 4 * count:
                yield np.frombuffer(data[: 4 * count], np.float32).reshape(value.val.sizes)


def _payload(pte: bytes) -> bytes:
    (payload,) = delegate_payloads(pte)
    return payload.payload


def zero(weight: Array) -> None:
    weight[...] = 0


def negate(weight: Array) -> None:
    weight[...] = -weight


def swap_channels(weight: Array) -> None:
    weight[[0, 1]] = weight[[1, 0]]


def zero_a_channel(weight: Array) -> None:
    weight[0] = 0


def put_nan(weight: Array) -> None:
    weight.flat[0] = np.nan


def flip_exponent_bit(weight: Array) -> None:
    """The highest exponent bit of one element, which makes a number below 2 huge."""
    bits = weight.view({2: np.uint16, 4: np.uint32}[weight.itemsize])
    bits.flat[0] ^= 1 << (8 * weight.itemsize - 2)


def flip_lowest_bits(weight: Array) -> None:
    """The second lowest bit of one element: two neighbours away."""
    bits = weight.view({1: np.uint8, 2: np.uint16, 4: np.uint32}[weight.itemsize])
    bits.flat[weight.size // 2] ^= 2


def transpose_in_place(weight: Array) -> None:
    """The elements in the order of the transposed matrix, declared as before."""
    flat = weight.reshape(weight.shape[0], -1)
    weight[...] = np.ascontiguousarray(flat.T).reshape(weight.shape)
