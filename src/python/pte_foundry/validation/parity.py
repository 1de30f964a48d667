"""Parity: how far a program's outputs are from those of the eager fp32 model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.records.checks import Checks
from pte_foundry.validation.case import Outcome, bounds_of

_TOP = (1, 5)


@dataclass(frozen=True)
class Comparison:
    """What a program and the eager model returned for one input, in the order of the report's outputs.

    Attributes:
        name: of the input.
    """

    name: str
    found_outputs: tuple[Tensor, ...]
    expected_outputs: tuple[Tensor, ...]

    @property
    def found(self) -> Tensor:
        """The program's first output, which is the one that a task reads."""
        return self.found_outputs[0]

    @property
    def expected(self) -> Tensor:
        """The eager model's first output."""
        return self.expected_outputs[0]


@dataclass(frozen=True)
class Parity:
    """Differences of one output tensor over all of its elements, computed in float64.

    Attributes:
        max_abs: greatest absolute difference, in the output's unit.
        mean_abs: mean absolute difference, in the output's unit.
        cosine: cosine of the angle between the flattened tensors, in [-1, 1].
        snr_db: signal to noise ratio in decibels, 10 log10(sum of the eager model's squares / sum of
            the differences' squares); None if there is no difference.
    """

    max_abs: float
    mean_abs: float
    cosine: float
    snr_db: float | None


def measure_parity(actual: Tensor, expected: Tensor) -> Parity:
    """Compare two tensors of the same shape.

    Raises:
        PteError: `mismatch` if the shapes differ, if anything is not finite, or if the reference is
            constant (all zeros, say), since agreeing with that proves nothing.
    """
    if actual.shape != expected.shape:
        raise PteError(
            "mismatch",
            f"shape {list(actual.shape)}, but the eager model's is {list(expected.shape)}",
        )
    ours = actual.detach().to(torch.float64).flatten()
    theirs = expected.detach().to(torch.float64).flatten()
    for what, values in (("the program's", ours), ("the eager model's", theirs)):
        if not torch.isfinite(values).all():
            raise PteError("mismatch", f"{what} output has elements that are not finite")
    if not theirs.any() or (theirs.numel() > 1 and bool((theirs == theirs[0]).all())):
        raise PteError(
            "mismatch",
            "the eager model's output is constant: agreeing with it proves nothing. "
            "Check its weights",
        )
    difference = (ours - theirs).abs()
    norms = float(ours.norm() * theirs.norm())
    # An output of zeros has no direction, so it agrees with nothing.
    cosine = float(ours.dot(theirs)) / norms if norms else 0.0
    noise, signal = float(difference.norm()), float(theirs.norm())
    return Parity(
        max_abs=float(difference.max()),
        mean_abs=float(difference.mean()),
        cosine=max(-1.0, min(1.0, cosine)),
        snr_db=20.0 * math.log10(signal / noise) if noise else None,
    )


def parity_outcome(
    names: Sequence[str],
    actual: Sequence[Tensor],
    expected: Sequence[Tensor],
    checks: Checks,
    classes: int | None = None,
) -> Outcome:
    """Hold every output of one run to the thresholds.

    Args:
        classes: lines of the label file; an output of [1, classes] is a classifier's, whose highest
            scoring classes are measured too.

    Raises:
        PteError: `mismatch` if the numbers of outputs differ, and what `measure_parity` raises.
    """
    if not len(names) == len(actual) == len(expected):
        raise PteError(
            "mismatch",
            f"{len(actual)} outputs, but the eager model has {len(expected)}, the report {len(names)}",
        )
    measured: dict[str, object] = {}
    problems: list[str] = []
    worst_cosine, worst_difference = 1.0, 0.0
    for name, ours, theirs in zip(names, actual, expected):
        parity = measure_parity(ours, theirs)
        values: dict[str, object] = asdict(parity)
        if classes is not None and tuple(theirs.shape) == (1, classes):
            for k in _TOP:
                values[f"top{k}_agreement"] = top_k_agreement(ours[0], theirs[0], k)
        measured[name] = values
        problems += _problems(name, parity, checks)
        worst_cosine = min(worst_cosine, parity.cosine)
        worst_difference = max(worst_difference, parity.max_abs)
    message = f"cosine {worst_cosine:.8f}, max abs difference {worst_difference:.3g}"
    bounds = bounds_of(
        {"min_cosine": worst_cosine, "max_abs_difference": worst_difference}, asdict(checks)
    )
    return Outcome(message, tuple(problems), measured, bounds)


def top_k_agreement(found: Tensor, expected: Tensor, k: int) -> float:
    """The share of the k highest scoring classes that both have in common, in [0, 1].

    Among classes of equal score, the one with the lower index comes first.

    Args:
        found, expected: [classes] scores; with fewer than k classes, all of them are compared.
    """
    count = min(k, expected.numel())
    first, second = (
        set(scores.argsort(descending=True, stable=True)[:count].tolist())
        for scores in (found, expected)
    )
    return len(first & second) / count


def _problems(name: str, parity: Parity, checks: Checks) -> list[str]:
    problems = []
    if checks.min_cosine is not None and parity.cosine < checks.min_cosine:
        problems.append(
            f"output {name!r} has cosine {parity.cosine:.8f} to the eager fp32 model, but at least "
            f"{checks.min_cosine} is declared"
        )
    if checks.max_abs_difference is not None and parity.max_abs > checks.max_abs_difference:
        problems.append(
            f"output {name!r} differs by up to {parity.max_abs:.6g} from the eager fp32 model, but at "
            f"most {checks.max_abs_difference} is declared"
        )
    return problems
