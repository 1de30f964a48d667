"""Evidence `interpreted`: the machine lacks the delegate, so an interpreter of its payload runs the program."""

from __future__ import annotations

from contextlib import ExitStack

from pte_foundry.errors import PteError
from pte_foundry.stages import Begin
from pte_foundry.validation.case import Case, skipped
from pte_foundry.validation.exercise import exercise_all, reference_case
from pte_foundry.validation.inputs import fixed_input_sets
from pte_foundry.validation.interpretation import interpretation_start, is_not_interpretable
from pte_foundry.validation.isolation.child_process import ChildProcess
from pte_foundry.validation.payload_cases import payload_cases
from pte_foundry.validation.request import ValidationRequest
from pte_foundry.validation.result import INTERPRET
from pte_foundry.validation.structural import structural_cases
from pte_foundry.validation.trained import trained_cases


def interpreted_cases(
    request: ValidationRequest, interpreter: str, pte: bytes, why: str, begin: Begin
) -> list[Case]:
    """Interpret the program, run it on every input, and compare its payload and predictions.

    A program that the interpreter does not fully know is not at fault: its evidence is structural.

    Args:
        why: the reason that the program was not executed.
    """
    begin("interpreting the program")
    first = next(iter(fixed_input_sets(request).values()))
    start = interpretation_start(interpreter, pte, first, request.report.options)
    with ExitStack() as children:
        try:
            program = children.enter_context(ChildProcess(start, request.limits))
        except PteError as error:
            unknown = is_not_interpretable(error)
            failed = Case(INTERPRET, "structure", "failed", str(error), {})
            case = skipped(INTERPRET, str(error)) if unknown else failed
            return [case, *structural_cases(request, f"{why}, nor interpreted", begin)]
        message = f"its payload runs in {interpreter}"
        reference, eager = reference_case(request, begin)
        runs = exercise_all(request, program, eager, begin)
        cases = [Case(INTERPRET, "structure", "passed", message, {}), reference, *runs.cases]
        cases += trained_cases(request, runs.comparisons, runs.missing)
        if eager is not None and not program.ended:
            cases += payload_cases(request, program, eager, begin)
    return cases
