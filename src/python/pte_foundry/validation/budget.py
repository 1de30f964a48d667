"""Whether a program is as small as its test declares, as a file and in memory.

Both budgets are ratios, so that one number fits many models: of the file to the eager model's
parameters in float32, and of the planned memory to the program's own inputs and outputs. No plan has
what a delegate itself allocates at run time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import ProgramFacts
from pte_foundry.records.checks import Checks
from pte_foundry.records.facts import Tensor
from pte_foundry.records.report import Report
from pte_foundry.validation.case import Bound, Case, Outcome, run_case, skipped


def budget_cases(
    report: Report, checks: Checks, size: int, facts: ProgramFacts
) -> tuple[Case, ...]:
    """The cases `size-budget` and `memory-budget`, measured on the bytes themselves.

    Args:
        size: of the file, in bytes.
    """
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
    name: str, bound: tuple[str, float | None], subject: tuple[str, int], unit: tuple[str, int]
) -> Case:
    field, most = bound
    if most is None:
        return skipped(name, f"its test declares no `{field}`")
    limit = most

    def check() -> Outcome:
        (what, found), (base, base_bytes) = subject, unit
        if base_bytes == 0:
            raise PteError("budget", f"{base} have no bytes to compare {what} with")
        kept = Bound(field, found / base_bytes, limit)
        ratio = f"{what}: {found} bytes, {kept.measured:.4f} of {base}"
        problem = f"{ratio}; at most {limit} is declared. If it has to be that large, raise `{field}` of its pte_test"
        measured = {"bytes": found, "base_bytes": base_bytes, "ratio": kept.measured}
        return Outcome(ratio, (problem,) if kept.is_broken else (), measured, (kept,))

    return run_case(name, "budget", check)


def _tensor_bytes(tensors: Sequence[Tensor]) -> int:
    return sum(
        math.prod(tensor.shape) * torch.empty(0, dtype=getattr(torch, tensor.dtype)).element_size()
        for tensor in tensors
    )
