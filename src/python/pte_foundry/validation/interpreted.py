"""A program whose delegate this machine cannot execute, run by an interpreter of its payload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    deserialize_pte_binary,
)
from executorch.exir.schema import DelegateCall  # type: ignore[import-untyped]
from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.exporting.plugins import load_module
from pte_foundry.inspection.payloads import delegate_payloads, named_data
from pte_foundry.interpretation.program import InterpretedProgram, unknown
from pte_foundry.validation.case import Outcome
from pte_foundry.validation.inputs import Inputs
from pte_foundry.validation.isolation.child_process import Facts, Run, Start

NOT_INTERPRETABLE = "not-interpretable"


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


def interpretation_start(interpreter: str, pte: bytes, inputs: Inputs) -> Start:
    """What a child process does to interpret a program; its facts are `message`, for the case."""

    def start() -> tuple[Facts, Run]:
        outcome, runner = interpret_program(interpreter, pte, inputs)
        return {"message": outcome.message}, runner.run

    return start


def interpret_program(
    interpreter: str, pte: bytes, inputs: Inputs
) -> tuple[Outcome, InterpretedRunner]:
    """Read the payload and run it once.

    Args:
        interpreter: dotted name of the interpreter module (see `pte_foundry.interpretation.program`).
        pte: a program that can be deserialized.
        inputs: any; the program's operators are only all known once it has run.

    Raises:
        PteError: `not-interpretable` if there is more in the program than one delegate call, or what
            the interpreter does not know; `structure` if the payload contradicts itself;
            `bad-builder` if there is no such module.
    """
    _check_one_delegate_call(pte)
    program = read_program(interpreter, pte)
    runner = InterpretedRunner(program, inputs, program.run(inputs))
    return Outcome(f"its payload runs in {interpreter}"), runner


def read_program(interpreter: str, pte: bytes) -> InterpretedProgram:
    """Read the only payload and do not run it.

    Raises:
        PteError: as `interpret_program` does, `not-interpretable` also for several payloads.
    """
    module = load_module(
        "interpreter",
        interpreter,
        ("interpret",),
        "pte_foundry.interpretation.coreml.mil_program",
    )
    payloads = delegate_payloads(pte)
    if len(payloads) != 1:
        raise unknown("the program", f"it has {len(payloads)} delegate payloads")
    program: InterpretedProgram = module.interpret(payloads[0].payload, named_data(pte))
    return program


def is_not_interpretable(error: PteError) -> bool:
    """Whether the error says that the interpreter is not up to a program, and nothing against it."""
    return error.kind == NOT_INTERPRETABLE


def _check_one_delegate_call(pte: bytes) -> None:
    """The delegate gets the program's inputs and gives its outputs, and nothing else happens."""
    plan = deserialize_pte_binary(pte).program.execution_plan[0]
    instructions = [one.instr_args for chain in plan.chains for one in chain.instructions]
    where = "the program"
    if len(instructions) != 1 or not isinstance(instructions[0], DelegateCall):
        raise unknown(where, "it does more than to call its delegate once")
    if list(instructions[0].args) != [*plan.inputs, *plan.outputs]:
        raise unknown(
            where, "its delegate gets other tensors than the program's inputs and outputs"
        )
