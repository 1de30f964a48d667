"""A validation that does not cancel others if its program cannot be built, for a summary of all failures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.rules import Get, Rule, _uncacheable_rule, collect_rules

from pte_build.errors import PteBuildError
from pte_build.validation.validate import ProgramValidationRequest, Validation


@dataclass(frozen=True)
class TestOutcome:
    """The validation, whatever its verdict, or why there is none."""

    validation: Validation | None
    refusal: str = ""


# Not memoized: what was missing may be there in the next session.
@_uncacheable_rule
async def await_outcome(request: ProgramValidationRequest) -> TestOutcome:
    try:
        return TestOutcome(await Get(Validation, ProgramValidationRequest, request))
    except PteBuildError as error:
        return TestOutcome(None, str(error))


def rules() -> Iterable[Rule]:
    return collect_rules()
