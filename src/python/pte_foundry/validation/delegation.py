"""Whether the bytes call the delegate that the report claims and the backend promises."""

from __future__ import annotations

from pte_foundry.inspection.delegation import ProgramFacts
from pte_foundry.records.delegation import Delegation, listed
from pte_foundry.records.promise import broken_promises, explanation
from pte_foundry.records.report import Report
from pte_foundry.validation.case import Case, Outcome, run_case


def delegation_cases(report: Report, facts: ProgramFacts) -> tuple[Case, ...]:
    """Compare the bytes' delegation with the report's, and hold the bytes to the promise.

    The number of operators before lowering leaves no trace in the bytes: it is the report's.
    """
    found = Delegation(
        facts.delegates, facts.undelegated, report.delegation.operators_before_lowering
    )
    return (
        run_case("delegation", "delegation", lambda: _as_reported(report.delegation, found)),
        run_case("promise", "delegation", lambda: _promise(report, found)),
    )


def _as_reported(stated: Delegation, found: Delegation) -> Outcome:
    problems = []
    for what, here, there in (
        ("delegate calls", found.delegates, stated.delegates),
        ("operators left over", found.undelegated, stated.undelegated),
    ):
        if dict(here) != dict(there):
            problems.append(
                f"{what}: the bytes have {listed(here)}, the report says {listed(there)}: "
                "build program and report again from one commit"
            )
    return Outcome("delegation is the report's", tuple(problems), found.to_json())


def _promise(report: Report, found: Delegation) -> Outcome:
    broken = broken_promises(report.declared.promise, found)
    problems = (f"{report.declared.address}: {explanation(broken, found)}",) if broken else ()
    delegate = report.declared.promise.delegate or "no delegate"
    return Outcome(f"it calls {delegate} and keeps its floor", problems)
