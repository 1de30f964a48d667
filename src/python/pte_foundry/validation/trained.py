"""What a program predicts on all photographs and samples, compared with the eager model; for trained weights only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial

from torch import Tensor, float64

from pte_foundry.errors import PteError
from pte_foundry.records.model_request import SEEDED
from pte_foundry.validation.case import Bound, Case, Outcome, run_case, skipped
from pte_foundry.validation.detections import detection_outcome
from pte_foundry.validation.parity import Comparison, measure_parity
from pte_foundry.validation.request import ValidationRequest

SEEDED_REASON = "seeded weights are untrained: the threshold is for what trained weights predict"
SURE = 0.4
"""Probability of the eager model's top-1 class above which it counts as sure.

Among a thousand classes several are often close (two breeds of cat), and then it means nothing which of them
comes first; a class with more than 0.4 has at most one rival as likely.
"""


def trained_cases(
    request: ValidationRequest,
    comparisons: Sequence[Comparison],
    missing: Sequence[str],
    prefix: str = "",
) -> list[Case]:
    """One case for each declared check.

    Args:
        comparisons: one for each photograph and sample with outputs to compare.
        missing: why there is none for the others; then nothing is measured, since a threshold is for all.
        prefix: of the cases' names.
    """
    checks = request.checks.trained
    if checks is None:
        return []
    measures: dict[str, Callable[[], Outcome]] = {}
    names = []
    if (least := checks.min_trained_cosine) is not None:
        names.append("trained-cosine")
        for one in comparisons:
            measures[f"trained-cosine:{one.name}"] = partial(_cosine_outcome, one, least)
    if (least := checks.min_top1_agreement) is not None:
        names.append("top1-agreement")
        measures["top1-agreement"] = partial(agreement_outcome, comparisons, least)
    if checks.judges_detections:
        names.append("detections")
        measures["detections"] = partial(detection_outcome, comparisons, checks, request.classes)
    reasons = [SEEDED_REASON] if request.model.weights.source == SEEDED else missing
    if reasons:
        return [skipped(f"{prefix}{name}", "; ".join(dict.fromkeys(reasons))) for name in names]
    return [run_case(f"{prefix}{name}", "mismatch", check) for name, check in measures.items()]


def agreement_outcome(comparisons: Sequence[Comparison], least: float) -> Outcome:
    """Compare the top-1 classes over all photographs.

    The first outputs are logits, [1, classes]: probabilities are their softmax.

    Args:
        least: the share of the photographs with a sure class on which both must have the same one.

    Raises:
        PteError: `task` for outputs of another shape, and if the eager model is sure of none.
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
    problem = (
        f"the top-1 class is the eager fp32 model's on {agreed} of the {sure} photographs that it is "
        f"sure of, but at least {least} is declared; not on {', '.join(differing)}"
    )
    return Outcome(
        f"the same top-1 class on {agreed} of {sure} photographs",
        (problem,) if agreed / sure < least else (),
        {"sure": sure, "agreed": agreed, "photographs": each},
        (Bound("min_top1_agreement", agreed / sure, least),),
    )


def _top1(logits: Tensor) -> tuple[int, float]:
    """The class with the highest score, and its probability."""
    if logits.dim() != 2 or logits.shape[0] != 1 or logits.shape[1] < 2:
        raise PteError(
            "task",
            f"the first output has shape {list(logits.shape)}, not [1, classes]: it has no top-1 "
            "class. Remove `min_top1_agreement` from the test",
        )
    probabilities = logits[0].detach().to(float64).softmax(0)
    best = int(probabilities.argmax())
    return best, float(probabilities[best])


def _cosine_outcome(comparison: Comparison, least: float) -> Outcome:
    each = [
        # Whether a constant output is right is the business of `parity`.
        measure_parity(found, expected, may_be_constant=True)
        for found, expected in zip(
            comparison.found_outputs, comparison.expected_outputs, strict=True
        )
    ]
    worst = min(parity.cosine for parity in each)
    problem = (
        f"cosine {worst:.8f} to the eager fp32 model, but at least {least} is declared for trained "
        "weights"
    )
    return Outcome(
        f"cosine {worst:.8f}",
        (problem,) if worst < least else (),
        {"outputs": [asdict(parity) for parity in each]},
        (Bound("min_trained_cosine", worst, least),),
    )
