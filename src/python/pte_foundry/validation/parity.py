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
from pte_foundry.validation.top_k import top_k_agreement

_TOP = (1, 5)


@dataclass(frozen=True)
class Parity:
    """Differences of one output tensor, over all of its elements, computed in float64.

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
    """Compare two tensors of one shape.

    Raises:
        PteError: `mismatch` if shapes differ, if anything is not finite, or if the reference is
            constant (all zeros, say), since agreeing with that proves nothing.
    """
    if actual.shape != expected.shape:
        raise PteError(
            "mismatch", f"shape {list(actual.shape)}, the eager model's is {list(expected.shape)}"
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
    # A program that answers zeros points nowhere: no angle, so no agreement.
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
        classes: lines of the label file; the classes that score highest are compared for an output of
            [1, classes], which is a classifier's.

    Raises:
        PteError: `mismatch` if the numbers of outputs differ, and what `measure_parity` raises.
    """
    if not len(names) == len(actual) == len(expected):
        raise PteError(
            "mismatch",
            f"{len(actual)} outputs, the eager model has {len(expected)}, the report {len(names)}",
        )
    measured: dict[str, object] = {}
    problems: list[str] = []
    worst_cosine, worst_difference = 1.0, 0.0
    for name, ours, theirs in zip(names, actual, expected):
        parity = measure_parity(ours, theirs)
        values: dict[str, object] = dict(asdict(parity))
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


def _problems(name: str, parity: Parity, checks: Checks) -> list[str]:
    problems = []
    if checks.min_cosine is not None and parity.cosine < checks.min_cosine:
        problems.append(
            f"output {name!r} has cosine {parity.cosine:.8f} to the eager fp32 model, at least "
            f"{checks.min_cosine} is declared"
        )
    if checks.max_abs_difference is not None and parity.max_abs > checks.max_abs_difference:
        problems.append(
            f"output {name!r} differs by up to {parity.max_abs:.6g} from the eager fp32 model, at "
            f"most {checks.max_abs_difference} is declared"
        )
    return problems
