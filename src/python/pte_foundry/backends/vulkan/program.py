"""Execute the graph of a Vulkan payload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from executorch.backends.vulkan.serialization.vulkan_graph_schema import (  # type: ignore[import-untyped]
    Bool,
    BoolList,
    Double,
    DoubleList,
    Int,
    IntList,
    Null,
    OperatorCall,
    String,
    ValueList,
    VkTensor,
)
from torch import Tensor

from pte_foundry.backends.content import PayloadContent
from pte_foundry.backends.interpreter import as_half, damaged, unknown
from pte_foundry.backends.vulkan.content import broken_texture_limits, vulkan_content
from pte_foundry.backends.vulkan.operators import OPERATORS
from pte_foundry.backends.vulkan.payload import VulkanPayload, read_payload, tensor_type
from pte_foundry.errors import PteError

_NO_MEMORY = -1


class _Memory:
    """Values of tensors, where several share one object of the memory plan, one after the other."""

    def __init__(self) -> None:
        self._tensors: dict[int, Tensor] = {}
        self._owners: dict[int, int] = {}

    def read(self, place: int, where: str) -> Tensor:
        if place not in self._tensors:
            raise damaged(where, f"it reads value {place}, which nothing has written or kept")
        return self._tensors[place]

    def write(self, place: int, memory_object: int, value: Tensor) -> None:
        """Write; what shared the memory until now is gone."""
        if memory_object != _NO_MEMORY:
            previous = self._owners.get(memory_object)
            if previous is not None and previous != place:
                self._tensors.pop(previous, None)
            self._owners[memory_object] = place
        self._tensors[place] = value


@dataclass(frozen=True)
class VulkanProgram:
    """A Vulkan graph; memory is shared between values as the payload plans it."""

    payload: VulkanPayload

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """See `pte_foundry.backends.interpreter.InterpretedProgram`."""
        graph, memory = self.payload.graph, _Memory()
        if len(inputs) != len(graph.input_ids):
            raise damaged(
                "the Vulkan graph", f"it takes {len(graph.input_ids)} inputs, given {len(inputs)}"
            )
        for place, given in zip(graph.input_ids, inputs):
            self._store(memory, place, given, f"input {place}")
        for call in graph.chain:
            self._execute(memory, call)
        outputs = []
        for place in graph.output_ids:
            output = memory.read(place, f"output {place}")
            outputs.append(output.to(torch.float32) if output.is_floating_point() else output)
        return outputs

    def content(self) -> PayloadContent:
        """See `pte_foundry.backends.interpreter.InterpretedProgram`."""
        return vulkan_content(self.payload)

    def broken_options(self, options: Mapping[str, str]) -> tuple[str, ...]:
        """See `pte_foundry.backends.interpreter.InterpretedProgram`."""
        return broken_texture_limits(self.payload, options)

    def _execute(self, memory: _Memory, call: OperatorCall) -> None:
        where = f"node {call.node_id} ({call.name})"
        if call.name not in OPERATORS:
            raise unknown(where, "the interpreter does not have this operator")
        *arguments, result = call.args
        values = [self._read(memory, place, where) for place in arguments]
        try:
            results = OPERATORS[call.name](values)
        except PteError:
            raise
        except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
            # Whatever torch says of arguments that do not fit together.
            raise damaged(where, f"it cannot be computed ({error})") from error
        target = self._value(result, where)
        places = target.items if isinstance(target, ValueList) else [result]
        if len(places) != len(results):
            raise damaged(where, f"it has {len(places)} results, not {len(results)}")
        for place, value in zip(places, results):
            self._store(memory, place, value, where)

    def _value(self, place: int, where: str) -> Any:
        values = self.payload.graph.values
        if not 0 <= place < len(values):
            raise damaged(where, f"there is no value {place}")
        return values[place].value

    def _read(self, memory: _Memory, place: int, where: str) -> Any:
        value = self._value(place, where)
        if isinstance(value, VkTensor):
            if value.constant_id < 0:
                return memory.read(place, where)
            constant = self.payload.constant(value, where)
            return as_half(constant) if constant.dtype == torch.float16 else constant
        if isinstance(value, ValueList):
            return [self._read(memory, item, where) for item in value.items]
        if isinstance(value, Null):
            return None
        if isinstance(value, Int):
            return value.int_val
        if isinstance(value, Double):
            return value.double_val
        if isinstance(value, Bool):
            return value.bool_val
        if isinstance(value, String):
            return value.string_val
        if isinstance(value, (IntList, DoubleList, BoolList)):
            return list(value.items)
        raise unknown(where, f"value {place} is a {type(value).__name__}")

    def _store(self, memory: _Memory, place: int, result: Tensor, where: str) -> None:
        declared = self._value(place, where)
        if not isinstance(declared, VkTensor):
            raise damaged(where, f"value {place} is a {type(declared).__name__} and no tensor")
        dtype, shape = tensor_type(declared, where)
        if tuple(result.shape) != shape:
            raise damaged(
                where, f"value {place} is declared as {shape}, computed {tuple(result.shape)}"
            )
        stored = as_half(result.to(torch.float32)) if dtype == torch.float16 else result.to(dtype)
        memory.write(place, declared.mem_obj_id, stored)


def interpret(payload: bytes, named_data: Mapping[str, bytes]) -> VulkanProgram:
    """Read a payload of the delegate `VulkanBackend`; raises PteError `structure`."""
    return VulkanProgram(read_payload(payload, named_data))
