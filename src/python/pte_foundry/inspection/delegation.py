"""What a `.pte` says about itself: delegates, remaining operators, memory, inputs and outputs.

Everything is read from the bytes through ExecuTorch's own deserializer, so that a promise about an
artifact is checked on the artifact and not on the process that made it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    deserialize_pte_binary,
)
from executorch.exir.scalar_type import ScalarType  # type: ignore[import-untyped]
from executorch.exir.schema import (  # type: ignore[import-untyped]
    DelegateCall,
    ExecutionPlan,
    KernelCall,
    String,
    Tensor,
)

from pte_foundry.errors import PteError, reason_of

_METHOD = "forward"

_DTYPE_NAMES = {
    ScalarType.BOOL: "bool",
    ScalarType.BYTE: "uint8",
    ScalarType.CHAR: "int8",
    ScalarType.SHORT: "int16",
    ScalarType.INT: "int32",
    ScalarType.LONG: "int64",
    ScalarType.HALF: "float16",
    ScalarType.FLOAT: "float32",
    ScalarType.DOUBLE: "float64",
    ScalarType.BFLOAT16: "bfloat16",
}


@dataclass(frozen=True)
class TensorFacts:
    """Shape and element type (PyTorch's name, e.g. `float32`) of a method's input or output.

    Attributes:
        dim_order: dimensions from outermost to innermost in memory; `(0, 1, 2, 3)` is contiguous.
    """

    shape: tuple[int, ...]
    dtype: str
    dim_order: tuple[int, ...]


@dataclass(frozen=True)
class ProgramFacts:
    """What the bytes of a `.pte` say.

    Attributes:
        delegates: delegate id -> number of calls to it; sorted by id.
        undelegated: operator left to the portable kernels, e.g. `aten::add.out` -> number of calls;
            sorted by name.
        planned_memory_bytes: size of each arena that the memory plan needs.
        inputs: of the method `forward`, in order.
        outputs: of the method `forward`, in order.
        constant_methods: name of each other method -> the texts that it returns.
    """

    delegates: Mapping[str, int]
    undelegated: Mapping[str, int]
    planned_memory_bytes: tuple[int, ...]
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    constant_methods: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def delegate_calls(self) -> int:
        return sum(self.delegates.values())

    @property
    def undelegated_total(self) -> int:
        return sum(self.undelegated.values())


def inspect_program(pte: bytes) -> ProgramFacts:
    """Inspect a serialized program with the method `forward` and any that return texts and do nothing else.

    Raises:
        PteError: `structure` if the bytes are not an ExecuTorch program of that form.
    """
    try:
        first, *others = deserialize_pte_binary(pte).program.execution_plan
        names = [plan.name for plan in (first, *others)]
        if first.name != _METHOD or len(set(names)) != len(names):
            raise ValueError(f"expected {_METHOD!r} first and each method once, found {names}")
        return replace(
            _plan_facts(first), constant_methods={plan.name: _texts(plan) for plan in others}
        )
    except Exception as error:
        # For damaged bytes the deserializer raises whatever its parsers raise (struct, json,
        # subprocess, assertion and index errors): all of them mean the same to the reader.
        raise PteError(
            "structure",
            f"{len(pte)} bytes are not a program that ExecuTorch's deserializer can read "
            f"({reason_of(error)}). Build the artifact again with `./pants package`",
        ) from error


def _plan_facts(plan: ExecutionPlan) -> ProgramFacts:
    # A delegate that is listed but never called still has to be visible: it counts 0.
    delegates = Counter({delegate.id: 0 for delegate in plan.delegates})
    undelegated: Counter[str] = Counter()
    for chain in plan.chains:
        for instruction in chain.instructions:
            call = instruction.instr_args
            if isinstance(call, DelegateCall):
                delegates[plan.delegates[call.delegate_index].id] += 1
            elif isinstance(call, KernelCall):
                operator = plan.operators[call.op_index]
                overload = f".{operator.overload}" if operator.overload else ""
                undelegated[operator.name + overload] += 1
    return ProgramFacts(
        delegates=dict(sorted(delegates.items())),
        undelegated=dict(sorted(undelegated.items())),
        # Entry 0 stands for constant memory and is always 0 (executorch/exir/schema.py,
        # ExecutionPlan).
        planned_memory_bytes=tuple(plan.non_const_buffer_sizes[1:]),
        inputs=_tensors(plan, plan.inputs),
        outputs=_tensors(plan, plan.outputs),
    )


def _texts(plan: ExecutionPlan) -> tuple[str, ...]:
    """What a method returns that has no inputs, no instructions and no memory."""
    values = [value.val for value in plan.values]
    computes = [*plan.inputs, *plan.operators, *plan.delegates, *plan.non_const_buffer_sizes[1:]]
    instructions = [one for chain in plan.chains for one in chain.instructions]
    if computes or instructions or list(plan.outputs) != list(range(len(values))):
        raise ValueError(f"the method {plan.name!r} does more than return constants")
    if not values or not all(isinstance(value, String) for value in values):
        raise ValueError(f"the method {plan.name!r} returns other values than texts")
    return tuple(value.string_val for value in values)


def _tensors(plan: ExecutionPlan, indices: Sequence[int]) -> tuple[TensorFacts, ...]:
    facts = []
    for index in indices:
        value = plan.values[index].val
        if not isinstance(value, Tensor):
            raise ValueError(
                f"value {index} of {plan.name} is a {type(value).__name__}, not a tensor"
            )
        dtype = _DTYPE_NAMES.get(ScalarType(value.scalar_type))
        if dtype is None:
            raise ValueError(f"value {index} of {plan.name} has scalar type {value.scalar_type}")
        facts.append(TensorFacts(tuple(value.sizes), dtype, tuple(value.dim_order)))
    return tuple(facts)
