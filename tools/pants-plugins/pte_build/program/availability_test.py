"""Whether a program can be built: only what a BUILD file says and a backend's SDK count."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.choices import Choices
from pte_build.program.availability import Availability, AvailabilityRequest
from pte_build.stand_in_repository import (
    CHECKPOINT,
    CHECKPOINT_SHA256,
    chip_text,
    program_text,
    target_text,
)
from pte_build.test_support import (
    ALPHA_FAST,
    BETA_SLOW,
    GAMMA_CHIP,
    SEEDED,
    make_runner,
    set_options,
)


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
    """A bad folder is an error of the build, not a reason to skip a program."""
    set_options(runner, "--qnn-sdk-root=/nonexistent")
    found = runner.request(Availability, [AvailabilityRequest(GAMMA_CHIP)])
    assert (found.declaration.address, found.unavailable) == (GAMMA_CHIP, None)


def test_neither_another_backend_nor_an_unpinned_checkpoint_counts(runner: RuleRunner) -> None:
    set_options(runner)
    for program in (ALPHA_FAST, BETA_SLOW):
        found = runner.request(Availability, [AvailabilityRequest(program)])
        assert found.unavailable is None


@pytest.mark.parametrize("backend", ["fast", "chip"])
def test_a_declared_reason_comes_before_any_other(runner: RuleRunner, backend: str) -> None:
    set_options(runner)
    text = program_text("p", backend=[f"toolchains:{backend}"], unavailable="it is too slow.")
    runner.write_files({"declared/BUILD": text})
    program = Address("declared", target_name="p")
    unavailable = runner.request(Availability, [AvailabilityRequest(program)]).unavailable
    assert unavailable is not None
    assert unavailable.note == "declared:p is unavailable: it is too slow."
    assert "remove `unavailable` from declared:p" in unavailable.refusal


def _whole_model(runner: RuleRunner) -> Address:
    weights = target_text(
        "model_weights",
        "w",
        file="alpha.pt",
        sha256=CHECKPOINT_SHA256,
        size=len(CHECKPOINT),
        license="MIT",
        whole_model=True,
    )
    runner.write_files({"whole/BUILD": weights + program_text("p", weights=[":w"])})
    return Address("whole", target_name="p")


def test_a_whole_model_has_nothing_to_seed(runner: RuleRunner) -> None:
    program = _whole_model(runner)
    set_options(runner, SEEDED)
    unavailable = runner.request(Availability, [AvailabilityRequest(program)]).unavailable
    assert unavailable is not None
    assert "whole:p is unavailable: its checkpoint whole:w is the whole model" in unavailable.note
    # With a checkpoint that only has values for a structure, everything can be seeded.
    assert runner.request(Availability, [AvailabilityRequest(ALPHA_FAST)]).unavailable is None


def test_a_whole_model_is_built_from_its_file(runner: RuleRunner) -> None:
    program = _whole_model(runner)
    set_options(runner)
    assert runner.request(Availability, [AvailabilityRequest(program)]).unavailable is None
    committed = AvailabilityRequest(program, Choices.COMMITTED_INDEX)
    assert runner.request(Availability, [committed]).unavailable is not None
