"""Run a program on one input, and compare it with the eager model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pte_foundry.models.eager import EagerModel
from pte_foundry.records.checks import Checks
from pte_foundry.validation.case import Case, Outcome, run_case_for, skipped
from pte_foundry.validation.comparison import Comparison
from pte_foundry.validation.inputs import Inputs
from pte_foundry.validation.parity import parity_outcome


class Runnable(Protocol):
    """A program that can be run."""

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]: ...


@dataclass(frozen=True)
class Exercise:
    """What came of one input.

    Attributes:
        cases: `run:<name>` and `parity:<name>`.
        inputs: None if they could not be made.
        outputs: the program's; None if it did not run.
        comparison: with the eager model's outputs; None if they were not compared.
    """

    cases: tuple[Case, Case]
    inputs: Inputs | None
    outputs: list[Tensor] | None
    comparison: Comparison | None


def unexercised(name: str, reason: str) -> Exercise:
    """For a program that cannot be run."""
    cases = (skipped(f"run:{name}", reason), skipped(f"parity:{name}", reason))
    return Exercise(cases, None, None, None)


def exercise(
    name: str,
    program: Runnable,
    prepare: Callable[[], Inputs],
    eager: EagerModel | None,
    output_names: Sequence[str],
    checks: Checks,
    unjudged: str | None = None,
    classes: int | None = None,
) -> Exercise:
    """Run on one input and compare with the eager model.

    Args:
        eager: None if there is nothing to compare with.
        unjudged: why parity on this input proves nothing; None if it does.
        classes: see `parity_outcome`.
    """
    parity = f"parity:{name}"
    case, ran = run_case_for(f"run:{name}", "run", lambda: _run(program, prepare()))
    if ran is None:
        return Exercise((case, skipped(parity, "the program did not run")), None, None, None)
    inputs, outputs = ran
    if eager is None:
        reason = "there is no eager model to compare with"
        return Exercise((case, skipped(parity, reason)), inputs, outputs, None)
    if unjudged is not None:
        return Exercise((case, skipped(parity, unjudged)), inputs, outputs, None)
    parity_case, comparison = compare(
        parity, name, lambda: (inputs, outputs), eager, output_names, checks, classes
    )
    return Exercise((case, parity_case), inputs, outputs, comparison)


def compare(
    case_name: str,
    name: str,
    run: Callable[[], tuple[Inputs, Sequence[Tensor]]],
    eager: EagerModel,
    output_names: Sequence[str],
    checks: Checks,
    classes: int | None = None,
) -> tuple[Case, Comparison | None]:
    """Hold outputs to the parity thresholds.

    Args:
        name: of the input.
        run: returns the inputs and what came out; what it raises is a failure of the case.
        classes: see `parity_outcome`.

    Returns:
        The case, and the comparison; None if the outputs cannot be compared.
    """

    def check() -> tuple[Outcome, Comparison]:
        inputs, outputs = run()
        expected = flat_outputs(eager.module, inputs)
        outcome = parity_outcome(output_names, outputs, expected, checks, classes)
        return outcome, Comparison(name, tuple(outputs), tuple(expected))

    return run_case_for(case_name, "mismatch", check)


def flat_outputs(module: Callable[..., object], inputs: Inputs) -> list[Tensor]:
    """Flattened as torch.export flattens them, which is the order of the program's outputs."""
    with torch.no_grad():
        return list(pytree.tree_leaves(module(*inputs)))


def _run(program: Runnable, inputs: Inputs) -> tuple[Outcome, tuple[Inputs, list[Tensor]]]:
    outputs = program.run(inputs)
    return Outcome("its outputs are finite", _not_finite(outputs)), (inputs, outputs)


def _not_finite(outputs: Sequence[Tensor]) -> tuple[str, ...]:
    if all(torch.isfinite(output).all() for output in outputs):
        return ()
    return ("an output has elements that are not finite",)
