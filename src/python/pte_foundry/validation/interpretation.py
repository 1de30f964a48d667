"""Read a delegate's payload, and run it in an interpreter; called in child processes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    PTEFile,
    deserialize_pte_binary,
)
from executorch.exir.scalar_type import ScalarType  # type: ignore[import-untyped]
from executorch.exir.schema import DelegateCall, Program  # type: ignore[import-untyped]
from executorch.exir.schema import Tensor as PlannedTensor
from torch import Tensor

from pte_foundry.backends.content import Constant
from pte_foundry.backends.interpreter import InterpretedProgram, unknown
from pte_foundry.errors import PteError
from pte_foundry.inspection.payloads import named_data_in, payloads_in
from pte_foundry.models.plugins import load_module
from pte_foundry.validation.described import DESCRIBE, Description, encode
from pte_foundry.validation.inputs import Inputs
from pte_foundry.validation.isolation.child_process import (
    Answer,
    Facts,
    Serve,
    Start,
    serving_runs,
)

NOT_INTERPRETABLE = "not-interpretable"

_KERNELS = ("DNNL_MAX_CPU_ISA", "MKL_CBWR", "ONEDNN_MAX_CPU_ISA")
"""They restrict MKL and oneDNN to instructions that every CPU has: an export's bytes must not depend on the CPU.

An interpreter only has to meet thresholds, and without the restriction needs a third of the time for products and
convolutions. Its process has used neither library before. The eager model stays restricted: its seeded and rewritten
weights are those of the export to the last bit.
"""
_FLOAT_BYTES = 4


@dataclass(frozen=True)
class InterpretedRunner:
    """`outputs` are those for the inputs that were `tried`, kept because a run takes seconds."""

    program: InterpretedProgram
    tried: Inputs
    outputs: list[Tensor]

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Raises PteError, see `InterpretedProgram.run`."""
        same = len(inputs) == len(self.tried) and all(map(torch.equal, inputs, self.tried))
        return self.outputs if same else self.program.run(inputs)


def interpretation_start(
    interpreter: str, pte: bytes, inputs: Inputs, options: Mapping[str, str]
) -> Start:
    """What a child process does to interpret a program, and to describe its payload.

    Args:
        options: of the lowering, which the payload has to follow.
    """

    def start() -> tuple[Facts, Mapping[str, Serve]]:
        for name in _KERNELS:
            os.environ.pop(name, None)
        runner = interpret_program(interpreter, pte, inputs)

        def describe(tensors: Sequence[Tensor]) -> Answer:
            program = runner.program
            return encode(Description(program.content(), program.broken_options(options)))

        return {}, {**serving_runs(runner.run), DESCRIBE: describe}

    return start


def describe_executed(interpreter: str, pte: bytes) -> Answer:
    """A child process's description of the payload that the runtime executed.

    The constants that the program itself hands to its delegate count as the payload's. Raises PteError as
    `interpret_program` does.
    """
    file = deserialize_pte_binary(pte)
    content = _read_payload(interpreter, file).content()
    constants = (*content.constants, *handed_constants(file.program))
    return encode(Description(replace(content, constants=constants)))


def interpret_program(interpreter: str, pte: bytes, inputs: Inputs) -> InterpretedRunner:
    """Read the payload and run it once.

    Args:
        interpreter: dotted name of the interpreter module (see `pte_foundry.backends.interpreter`).
        pte: a program that can be deserialized.
        inputs: any; only a run shows whether all operators are known.

    Raises:
        PteError: `not-interpretable` if the program has more than one delegate call, or something
            that the interpreter does not know; `structure` if the payload contradicts itself;
            `bad-builder` if there is no such module.
    """
    file = deserialize_pte_binary(pte)
    _check_one_delegate_call(file.program)
    program = _read_payload(interpreter, file)
    return InterpretedRunner(program, inputs, program.run(inputs))


def _read_payload(interpreter: str, file: PTEFile) -> InterpretedProgram:
    """The only payload; raises PteError as `interpret_program` does, and `not-interpretable` for several."""
    module = load_module(
        "interpreter", interpreter, ("interpret",), "pte_foundry.backends.coreml.program"
    )
    payloads = payloads_in(file)
    if len(payloads) != 1:
        raise unknown("the program", f"it has {len(payloads)} delegate payloads")
    program: InterpretedProgram = module.interpret(payloads[0].payload, named_data_in(file))
    return program


def is_not_interpretable(error: PteError) -> bool:
    """Whether a program has something that the interpreter does not know, which is not the program's fault."""
    return error.kind == NOT_INTERPRETABLE


def _check_one_delegate_call(program: Program) -> None:
    """The delegate gets the program's inputs and gives its outputs, and nothing else happens."""
    plan = program.execution_plan[0]
    instructions = [one.instr_args for chain in plan.chains for one in chain.instructions]
    if len(instructions) != 1 or not isinstance(instructions[0], DelegateCall):
        raise unknown("the program", "it does more than call its delegate once")
    if list(instructions[0].args) != [*plan.inputs, *plan.outputs]:
        raise unknown(
            "the program", "its delegate gets other tensors than the program's inputs and outputs"
        )


def handed_constants(program: Program) -> tuple[Constant, ...]:
    """The float32 constants that the method `forward` hands to its delegate, besides those in the payload.

    XNNPACK's lowering leaves the operands of an addition or a product in the program; filters go into the payload.

    Raises:
        PteError: `structure` for a constant with fewer bytes than its shape needs.
    """
    found = []
    for place, value in enumerate(program.execution_plan[0].values):
        tensor = value.val
        if not isinstance(tensor, PlannedTensor) or not tensor.data_buffer_idx:
            continue  # 0 stands for no constant
        if tensor.allocation_info is not None:
            continue  # It has memory of its own: state, and not a constant.
        if tensor.scalar_type != ScalarType.FLOAT:
            continue
        stored = bytes(program.constant_buffer[tensor.data_buffer_idx].storage)
        # In memory order, outermost dimension first.
        shape = [tensor.sizes[dimension] for dimension in tensor.dim_order]
        if len(stored) < _FLOAT_BYTES * int(np.prod(shape)):
            raise PteError(
                "structure",
                f"value {place} of the program has {len(stored)} bytes for the shape {list(tensor.sizes)}",
            )
        flat = np.frombuffer(stored, np.float32, int(np.prod(shape))).reshape(shape)
        numbers = torch.from_numpy(flat.transpose(np.argsort(tensor.dim_order)).copy())
        found.append(Constant(f"value {place}", numbers, None, len(stored), torch.float32))
    return tuple(found)
