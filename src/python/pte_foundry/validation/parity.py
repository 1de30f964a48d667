"""Parity: how far a program's outputs are from those of the eager fp32 model."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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

    @property
    def relative_error(self) -> float:
        """The length of the differences as a share of the eager output's."""
        return 0.0 if self.snr_db is None else float(10.0 ** (-self.snr_db / 20.0))


def measure_parity(actual: Tensor, expected: Tensor, may_be_constant: bool = False) -> Parity:
    """Compare two tensors of the same shape.

    Args:
        may_be_constant: see `is_constant`; agreeing with a computed output that is constant proves nothing.

    Raises:
        PteError: `mismatch` if the shapes differ, if anything is not finite, or if the reference is
            constant (all zeros, say) and may not be.
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
    if is_constant(expected) and not may_be_constant:
        raise PteError(
            "mismatch",
            "the eager model's output is constant: agreeing with it proves nothing. "
            "Check its weights",
        )
    difference = (ours - theirs).abs()
    norms = float(ours.norm() * theirs.norm())
    # An output of zeros has no direction, so it agrees with nothing but zeros.
    cosine = float(ours.dot(theirs)) / norms if norms else float(torch.equal(ours, theirs))
    noise, signal = float(difference.norm()), float(theirs.norm())
    return Parity(
        max_abs=float(difference.max()),
        mean_abs=float(difference.mean()),
        cosine=max(-1.0, min(1.0, cosine)),
        snr_db=20.0 * math.log10(signal / noise) if noise else None,
    )


def is_constant(output: Tensor) -> bool:
    """Whether all elements are one number, or the only one is zero."""
    flat = output.flatten()
    return not flat.any() or (flat.numel() > 1 and bool((flat == flat[0]).all()))


def parity_outcome(
    names: Sequence[str],
    actual: Sequence[Tensor],
    expected: Sequence[Tensor],
    checks: Checks,
    classes: int | None = None,
    is_computed: Callable[[], Sequence[bool]] | None = None,
) -> Outcome:
    """Hold every output of one run to the thresholds.

    Args:
        classes: lines of the label file; an output of [1, classes] is a classifier's, whose highest
            scoring classes are compared too.
        is_computed: whether each output depends on the inputs; asked only if a float output is constant,
            and then all do if it is None.

    Integers and truth values may be constant, such as the class that wins, and so may floats that are
    constants of the model.

    Raises:
        PteError: `mismatch` if the numbers of outputs differ, if none depends on the inputs, and what
            `measure_parity` raises; names the output.
    """
    if not len(names) == len(actual) == len(expected):
        raise PteError(
            "mismatch",
            f"{len(actual)} outputs, but the eager model has {len(expected)}, the report {len(names)}",
        )
    computed = [True] * len(names)
    if is_computed and any(one.is_floating_point() and is_constant(one) for one in expected):
        computed = list(is_computed())
    if not any(computed):
        raise PteError(
            "mismatch",
            f"no output of the model ({', '.join(names)}) depends on its inputs: agreeing with them proves "
            "nothing. Check its weights",
        )
    measured: dict[str, object] = {}
    problems: list[str] = []
    worst_cosine, worst_difference, worst_relative = 1.0, 0.0, 0.0
    for name, ours, theirs, depends in zip(names, actual, expected, computed):
        try:
            parity = measure_parity(ours, theirs, not (depends and theirs.is_floating_point()))
        except PteError as error:
            raise PteError(error.kind, f"output {name!r}: {error.message}") from error
        values: dict[str, object] = asdict(parity)
        if classes is not None and tuple(theirs.shape) == (1, classes):
            for k in _TOP:
                values[f"top{k}_agreement"] = top_k_agreement(ours[0], theirs[0], k)
        measured[name] = values
        problems += _problems(name, parity, checks)
        worst_cosine = min(worst_cosine, parity.cosine)
        worst_difference = max(worst_difference, parity.max_abs)
        worst_relative = max(worst_relative, parity.relative_error)
    message = f"cosine {worst_cosine:.8f}, max abs difference {worst_difference:.3g}"
    bounds = bounds_of(
        {
            "min_cosine": worst_cosine,
            "max_abs_difference": worst_difference,
            "max_relative_error": worst_relative,
        },
        asdict(checks),
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
    if checks.max_relative_error is not None and parity.relative_error > checks.max_relative_error:
        problems.append(
            f"output {name!r} has a relative error of {parity.relative_error:.6g} to the eager fp32 model, but at "
            f"most {checks.max_relative_error} is declared"
        )
    return problems
