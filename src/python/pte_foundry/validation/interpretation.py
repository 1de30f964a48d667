"""A program whose delegate this machine cannot execute, run by an interpreter of its payload."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    PTEFile,
    deserialize_pte_binary,
)
from executorch.exir.schema import DelegateCall, Program  # type: ignore[import-untyped]
from torch import Tensor

from pte_foundry.backends.interpreter import InterpretedProgram, unknown
from pte_foundry.errors import PteError
from pte_foundry.inspection.payloads import named_data_in, payloads_in
from pte_foundry.models.plugins import load_module
from pte_foundry.validation.described import DESCRIBE, Description, tell
from pte_foundry.validation.inputs import Inputs
from pte_foundry.validation.isolation.child_process import (
    Answer,
    Facts,
    Serve,
    Start,
    serving_runs,
)
from pte_foundry.validation.payload_weights.handed_constants import handed_constants

NOT_INTERPRETABLE = "not-interpretable"

_KERNELS = ("DNNL_MAX_CPU_ISA", "MKL_CBWR", "ONEDNN_MAX_CPU_ISA")
"""What holds MKL and oneDNN to instructions that every CPU has, because an export's bytes must not depend on the CPU.

An interpreter is held to thresholds alone, and with all instructions takes a third of the time for products and
convolutions. It has a process of its own, in which neither library has been used before. The eager model keeps to
them: its seeded and rewritten weights are those of the export to the last bit.
"""


@dataclass(frozen=True)
class InterpretedRunner:
    """Runs like a loaded program (see `pte_foundry.validation.exercise.Runnable`).

    Attributes:
        tried: the inputs of the first run, whose `outputs` are kept: a run takes seconds.
    """

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
        options: of the lowering, which the payload has to keep to.
    """

    def start() -> tuple[Facts, Mapping[str, Serve]]:
        for name in _KERNELS:
            os.environ.pop(name, None)
        runner = interpret_program(interpreter, pte, inputs)

        def describe(tensors: Sequence[Tensor]) -> Answer:
            program = runner.program
            return tell(Description(program.content(), program.broken_options(options)))

        return {}, {**serving_runs(runner.run), DESCRIBE: describe}

    return start


def describe_executed(interpreter: str, pte: bytes) -> Answer:
    """What a child process says of the payload that the runtime has executed.

    The constants that the program keeps itself and hands to its delegate are among the payload's. Raises
    PteError as `interpret_program` does.
    """
    file = deserialize_pte_binary(pte)
    content = _read_payload(interpreter, file).content()
    constants = (*content.constants, *handed_constants(file.program))
    return tell(Description(replace(content, constants=constants)))


def interpret_program(interpreter: str, pte: bytes, inputs: Inputs) -> InterpretedRunner:
    """Read the payload and run it once.

    Args:
        interpreter: dotted name of the interpreter module (see `pte_foundry.backends.interpreter`).
        pte: a program that can be deserialized.
        inputs: any; the program's operators are only all known once it has run.

    Raises:
        PteError: `not-interpretable` if there is more in the program than one delegate call, or what
            the interpreter does not know; `structure` if the payload contradicts itself;
            `bad-builder` if there is no such module.
    """
    file = deserialize_pte_binary(pte)
    _check_one_delegate_call(file.program)
    program = _read_payload(interpreter, file)
    return InterpretedRunner(program, inputs, program.run(inputs))


def _read_payload(interpreter: str, file: PTEFile) -> InterpretedProgram:
    """The only one; raises PteError as `interpret_program` does, `not-interpretable` also for several."""
    module = load_module(
        "interpreter",
        interpreter,
        ("interpret",),
        "pte_foundry.backends.coreml.program",
    )
    payloads = payloads_in(file)
    if len(payloads) != 1:
        raise unknown("the program", f"it has {len(payloads)} delegate payloads")
    program: InterpretedProgram = module.interpret(payloads[0].payload, named_data_in(file))
    return program


def is_not_interpretable(error: PteError) -> bool:
    """Whether the error says that the interpreter is not up to a program, and nothing against it."""
    return error.kind == NOT_INTERPRETABLE


def _check_one_delegate_call(program: Program) -> None:
    """The delegate gets the program's inputs and gives its outputs, and nothing else happens."""
    plan = program.execution_plan[0]
    instructions = [one.instr_args for chain in plan.chains for one in chain.instructions]
    where = "the program"
    if len(instructions) != 1 or not isinstance(instructions[0], DelegateCall):
        raise unknown(where, "it does more than to call its delegate once")
    if list(instructions[0].args) != [*plan.inputs, *plan.outputs]:
        raise unknown(
            where, "its delegate gets other tensors than the program's inputs and outputs"
        )
