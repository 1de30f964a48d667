"""Whether a program is as small as its test declares, as a file and in memory.

Both budgets are ratios, so that one number fits many models: of the file to the eager model's
parameters in float32, and of the planned memory to the program's own inputs and outputs. What a delegate
allocates by itself while it runs is in no plan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import ProgramFacts
from pte_foundry.records.facts import Tensor
from pte_foundry.records.report import Report
from pte_foundry.validation.case import Bound, Case, Outcome, run_case, skipped


def budget_cases(report: Report, size: int, facts: ProgramFacts) -> tuple[Case, ...]:
    """`size-budget` and `memory-budget`, of the bytes themselves; the report says what they may be.

    Args:
        size: of the file, in bytes.
    """
    checks = report.declared.checks
    if checks is None:
        raise ValueError("a report without checks is refused when it is read")
    exchanged = _tensor_bytes(report.inputs) + _tensor_bytes(report.outputs)
    return (
        _budget_case(
            "size-budget",
            ("max_size_ratio", checks.max_size_ratio),
            ("the file", size),
            ("the model's parameters in float32", 4 * report.parameters.count),
        ),
        _budget_case(
            "memory-budget",
            ("max_planned_memory_ratio", checks.max_planned_memory_ratio),
            ("planned memory", sum(facts.planned_memory_bytes)),
            ("inputs and outputs", exchanged),
        ),
    )


def _budget_case(
    name: str,
    bound: tuple[str, float | None],
    subject: tuple[str, int],
    unit: tuple[str, int],
) -> Case:
    field, most = bound
    if most is None:
        return skipped(name, f"its test declares no `{field}`")
    return run_case(name, "budget", lambda: _budget_outcome(field, most, subject, unit))


def _budget_outcome(
    field: str, most: float, subject: tuple[str, int], unit: tuple[str, int]
) -> Outcome:
    (what, found), (base, bytes_of_base) = subject, unit
    if bytes_of_base == 0:
        raise PteError("budget", f"{base} have no bytes to measure {what} by")
    ratio = found / bytes_of_base
    said = f"{what}: {found} bytes, {ratio:.4f} of {base}"
    problem = (
        f"{said}; at most {most} is declared. If it has to be so, raise `{field}` of its pte_test"
    )
    return Outcome(
        said,
        (problem,) if ratio > most else (),
        {"bytes": found, "base_bytes": bytes_of_base, "ratio": ratio},
        (Bound(field, ratio, most),),
    )


def _tensor_bytes(tensors: Sequence[Tensor]) -> int:
    return sum(
        math.prod(tensor.shape) * torch.empty(0, dtype=getattr(torch, tensor.dtype)).element_size()
        for tensor in tensors
    )
