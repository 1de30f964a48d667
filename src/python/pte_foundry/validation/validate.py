"""Validate one program: its bytes first, then what the machine can find out by running it."""

from __future__ import annotations

import torch

from pte_foundry.stages import Begin, tell
from pte_foundry.validation.case import Case, skipped
from pte_foundry.validation.executed import executed_cases
from pte_foundry.validation.interpreted import interpreted_cases
from pte_foundry.validation.request import ValidationRequest
from pte_foundry.validation.runtime import unregistered_delegates
from pte_foundry.validation.structural import structural_cases
from pte_foundry.validation.structure import structure_cases


def validate(request: ValidationRequest, pte: bytes, begin: Begin = tell) -> tuple[Case, ...]:
    """Check the bytes of a program; what goes wrong is a failed case, never an exception.

    A program is executed if the runtime here has its delegates, or else interpreted if its backend has
    an interpreter. Otherwise its bytes are all there is to judge.

    Sets torch to one thread for good: the reference must not depend on the machine's core count,
    and idle OpenMP workers compete with the runtime's own threads.

    Args:
        begin: called with the name of each stage.
    """
    torch.set_num_threads(1)
    begin("inspecting the program")
    structure, facts = structure_cases(request, pte)
    absent = () if facts is None else unregistered_delegates(facts.delegates)
    if not absent:
        return (*structure, *executed_cases(request, pte, begin))
    why = (
        f"the runtime on this machine has no implementation of {', '.join(absent)}: "
        "the program was not executed"
    )
    cases = (*structure, skipped("load", why))
    if request.interpreter is not None:
        return (*cases, *interpreted_cases(request, request.interpreter, pte, why, begin))
    return (*cases, *structural_cases(request, why, begin))
