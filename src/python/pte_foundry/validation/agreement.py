"""On how many photographs a classifier gives the class that the eager model is sure of."""

from __future__ import annotations

import torch

from pte_foundry.errors import PteError
from pte_foundry.validation.case import Bound, Outcome
from pte_foundry.validation.comparison import Comparison

SURE = 0.4
"""Probability of the eager model's top-1 class above which it counts as sure.

Of a thousand classes several are often near each other (two breeds of cat), and which of them comes
first then means nothing; a class with more than 0.4 has at most one rival of that weight.
"""


def agreement_outcome(comparisons: list[Comparison], least: float) -> Outcome:
    """Compare the top-1 classes of all photographs together.

    The first outputs are logits, [1, classes]: probabilities are their softmax.

    Args:
        least: the share of the photographs with a sure class on which both must have the same one.

    Raises:
        PteError: `task` for outputs of another form, and if the eager model is sure of none.
    """
    each: dict[str, object] = {}
    sure = agreed = 0
    differing = []
    for comparison in comparisons:
        expected, probability = _top1(comparison.expected)
        found, _ = _top1(comparison.found)
        each[comparison.name] = {
            "expected": expected,
            "found": found,
            "eager_probability": probability,
        }
        if probability > SURE:
            sure += 1
            agreed += found == expected
            if found != expected:
                differing.append(
                    f"{comparison.name} (class {found}, not {expected} with {probability:.2f})"
                )
    if sure == 0:
        raise PteError(
            "task",
            f"the eager model is not sure of any of {len(comparisons)} photographs (top-1 "
            f"probability above {SURE}), so agreeing with it proves nothing. Choose other "
            "`photographs`, or check its weights",
        )
    measured: dict[str, object] = {"sure": sure, "agreed": agreed, "photographs": each}
    problem = (
        f"the top-1 class is the eager fp32 model's on {agreed} of the {sure} photographs that it is "
        f"sure of, at least {least} is declared; not on {', '.join(differing)}"
    )
    message = f"the same top-1 class on {agreed} of {sure} photographs"
    bound = Bound("min_top1_agreement", agreed / sure, least)
    return Outcome(message, (problem,) if agreed / sure < least else (), measured, (bound,))


def _top1(logits: torch.Tensor) -> tuple[int, float]:
    """The class with the greatest score, and its probability."""
    if logits.dim() != 2 or logits.shape[0] != 1 or logits.shape[1] < 2:
        raise PteError(
            "task",
            f"the first output has shape {list(logits.shape)}, not [1, classes]: it has no top-1 "
            "class. Remove `min_top1_agreement` from the test",
        )
    probabilities = logits[0].detach().to(torch.float64).softmax(0)
    best = int(probabilities.argmax())
    return best, float(probabilities[best])
