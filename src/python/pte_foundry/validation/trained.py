"""The checks of what a program predicts, on all photographs; trained weights only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from pte_foundry.records.model_request import SEEDED
from pte_foundry.records.trained_checks import TrainedChecks
from pte_foundry.validation.agreement import agreement_outcome
from pte_foundry.validation.case import Bound, Case, Outcome, run_case, skipped
from pte_foundry.validation.comparison import Comparison
from pte_foundry.validation.detection_match import detection_outcome
from pte_foundry.validation.parity import measure_parity

SEEDED_REASON = (
    "seeded weights carry no training: the threshold is one for what trained weights predict"
)
COSINE, AGREEMENT, DETECTIONS = "trained-cosine", "top1-agreement", "detections"


def trained_cases(
    checks: TrainedChecks | None,
    weights_source: str,
    comparisons: Sequence[Comparison],
    missing: Sequence[str],
    prefix: str = "",
) -> list[Case]:
    """One case for each check that is declared; none if there is none.

    Args:
        comparisons: of each photograph on which there are outputs to compare.
        missing: why there are none on the other photographs, or on all; a measure over all
            photographs is not taken over a part of them.
        prefix: of the cases' names.
    """
    if checks is None:
        return []
    declared = {
        COSINE: checks.min_trained_cosine is not None,
        AGREEMENT: checks.min_top1_agreement is not None,
        DETECTIONS: checks.judges_detections,
    }
    names = [name for name, wanted in declared.items() if wanted]
    if weights_source == SEEDED:
        return [skipped(f"{prefix}{name}", SEEDED_REASON) for name in names]
    if missing:
        return [skipped(f"{prefix}{name}", "; ".join(dict.fromkeys(missing))) for name in names]
    every = list(comparisons)
    cases = []
    cosine, agreement = checks.min_trained_cosine, checks.min_top1_agreement
    if cosine is not None:
        cases += [_cosine_case(f"{prefix}{COSINE}", each, cosine) for each in every]
    if agreement is not None:
        least = agreement
        cases.append(
            run_case(f"{prefix}{AGREEMENT}", "mismatch", lambda: agreement_outcome(every, least))
        )
    if checks.judges_detections:
        bounds = checks
        cases.append(
            run_case(f"{prefix}{DETECTIONS}", "mismatch", lambda: detection_outcome(every, bounds))
        )
    return cases


def _cosine_case(name: str, comparison: Comparison, least: float) -> Case:
    return run_case(
        f"{name}:{comparison.name}", "mismatch", lambda: _cosine_outcome(comparison, least)
    )


def _cosine_outcome(comparison: Comparison, least: float) -> Outcome:
    each = [
        measure_parity(found, expected)
        for found, expected in zip(
            comparison.found_outputs, comparison.expected_outputs, strict=True
        )
    ]
    worst = min(parity.cosine for parity in each)
    problem = (
        f"cosine {worst:.8f} to the eager fp32 model, at least {least} is declared for trained "
        "weights"
    )
    return Outcome(
        f"cosine {worst:.8f}",
        (problem,) if worst < least else (),
        {"outputs": [asdict(parity) for parity in each]},
        (Bound("min_trained_cosine", worst, least),),
    )
