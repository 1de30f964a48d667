"""The verdict over all cases, and validation.json."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

from pte_foundry.validation.case import Case
from pte_foundry.validation.request import ValidationRequest


def verdict(cases: Sequence[Case]) -> Literal["passed", "failed"]:
    """`passed` if something passed and nothing failed: checking nothing is never a pass."""
    statuses = {case.status for case in cases}
    return "passed" if "passed" in statuses and "failed" not in statuses else "failed"


def evidence(cases: Sequence[Case]) -> Literal["executed", "structural"]:
    """`executed` if the program ran and its outputs were compared with the eager model's.

    `structural` where only its bytes were inspected, because the machine's runtime has no
    implementation of its delegate; also if the graph that it was lowered from was compared.
    """
    passed = {case.kind for case in cases if case.status == "passed"}
    return "executed" if {"run", "mismatch"} <= passed else "structural"


def result_json(request: ValidationRequest, pte: bytes, cases: Sequence[Case]) -> dict[str, object]:
    """The content of validation.json; measured values may depend on the CPU's last bits."""
    return {
        "address": request.address,
        "verdict": verdict(cases),
        "evidence": evidence(cases),
        "weights_source": request.model.weights.source,
        "pte_sha256": hashlib.sha256(pte).hexdigest(),
        "cases": [case.to_json() for case in cases],
    }


def summary(request: ValidationRequest, cases: Sequence[Case]) -> str:
    """One line: the verdict and how many cases passed, failed and were skipped."""
    counts = [
        f"{sum(case.status == status for case in cases)} {status}"
        for status in ("passed", "failed", "skipped")
    ]
    return (
        f"{request.address}: {verdict(cases)} ({evidence(cases)}, "
        f"{request.model.weights.source} weights; {', '.join(counts)})"
    )
