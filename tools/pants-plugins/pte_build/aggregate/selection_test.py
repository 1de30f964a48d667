"""Which programs the specs of an index select."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.testutil.rule_runner import RuleRunner

from pte_build.aggregate.selection import (
    SelectedPrograms,
    SelectProgramsRequest,
    duplicate_stems,
)
from pte_build.stand_in_repository import program_text
from pte_build.test_support import ALPHA_FAST, ALPHA_SLOW, BETA_SLOW, failure, make_runner, refusal

INDEX = Address("", target_name="index")


def test_duplicate_stems() -> None:
    twin = Address("other/alpha", target_name="alpha_fast")
    assert duplicate_stems([ALPHA_FAST, ALPHA_SLOW, BETA_SLOW]) == {}
    assert duplicate_stems([ALPHA_FAST, ALPHA_SLOW, twin]) == {
        "alpha/alpha_fast": ["models/alpha:alpha_fast", "other/alpha:alpha_fast"]
    }


@pytest.fixture()
def runner() -> RuleRunner:
    return make_runner()


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        (("models::",), (ALPHA_FAST, ALPHA_SLOW, BETA_SLOW)),
        (("models/beta:", "models/alpha:alpha_fast"), (ALPHA_FAST, BETA_SLOW)),
        (("models/beta:beta_slow", "models::"), (ALPHA_FAST, ALPHA_SLOW, BETA_SLOW)),
        (("models::", "-models/alpha:alpha_slow"), (ALPHA_FAST, BETA_SLOW)),
        (("models::", "-models/alpha::"), (BETA_SLOW,)),
    ],
)
def test_specs(runner: RuleRunner, specs: tuple[str, ...], expected: tuple[Address, ...]) -> None:
    selected = runner.request(SelectedPrograms, [SelectProgramsRequest(INDEX, specs)])
    assert selected.programs == expected


def test_specs_that_match_no_program(runner: RuleRunner) -> None:
    request = SelectProgramsRequest(INDEX, ("toolchains::",))
    message = refusal(runner, SelectedPrograms, request)
    assert message.startswith("//:index: toolchains:: matches no `pte_program`.")


def test_an_address_that_does_not_exist(runner: RuleRunner) -> None:
    request = SelectProgramsRequest(INDEX, ("models/alpha:nonesuch",))
    message = str(failure(runner, SelectedPrograms, request))
    assert "nonesuch" in message and "the `programs` of //:index" in message


def test_programs_that_would_be_one_file(runner: RuleRunner) -> None:
    runner.write_files({"other/alpha/BUILD": program_text("alpha_fast")})
    request = SelectProgramsRequest(INDEX, ("models::", "other::"))
    assert refusal(runner, SelectedPrograms, request) == (
        "//:index: models/alpha:alpha_fast and other/alpha:alpha_fast would both be "
        "alpha/alpha_fast.pte in a tree."
    )
