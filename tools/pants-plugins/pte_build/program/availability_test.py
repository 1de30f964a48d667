"""Whether a program can be built: only a backend's SDK counts."""

from __future__ import annotations

import pytest
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.program.availability import Availability, AvailabilityRequest
from pte_build.stand_in_repository import chip_text
from pte_build.test_support import ALPHA_FAST, BETA_SLOW, GAMMA_CHIP, make_runner, set_options


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    runner = make_runner(queries=(QueryRule(Availability, (AvailabilityRequest,)),))
    runner.write_files({"models/gamma/BUILD": chip_text()})
    return runner


def test_a_program_whose_sdk_is_not_set(runner: RuleRunner) -> None:
    set_options(runner)
    unavailable = runner.request(Availability, [AvailabilityRequest(GAMMA_CHIP)]).unavailable
    assert unavailable is not None
    assert unavailable.note == (
        "models/gamma:gamma_chip is unavailable: [qnn] sdk_root is not set, and it needs the "
        "Qualcomm AI Engine Direct SDK 2.37."
    )
    assert unavailable.refusal == f"{unavailable.note} {unavailable.remedy}"


def test_a_set_sdk_is_not_looked_at(runner: RuleRunner) -> None:
    """A bad folder is an error of the build, and no reason to pass over a program."""
    set_options(runner, "--qnn-sdk-root=/nonexistent")
    found = runner.request(Availability, [AvailabilityRequest(GAMMA_CHIP)])
    assert (found.declaration.address, found.unavailable) == (GAMMA_CHIP, None)


def test_neither_another_backend_nor_an_unpinned_checkpoint_counts(runner: RuleRunner) -> None:
    set_options(runner)
    for program in (ALPHA_FAST, BETA_SLOW):
        found = runner.request(Availability, [AvailabilityRequest(program)])
        assert found.unavailable is None
