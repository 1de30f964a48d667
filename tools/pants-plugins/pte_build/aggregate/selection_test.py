"""Which programs the specs of an index select."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.testutil.rule_runner import RuleRunner

from pte_build.aggregate.selection import SelectedPrograms, SelectProgramsRequest
from pte_build.stand_in_repository import program_text, target_text
from pte_build.test_support import (
    ALPHA_FAST,
    ALPHA_SLOW,
    BETA_SLOW,
    failure,
    make_runner,
    refusal,
    set_options,
)

INDEX = Address("", target_name="index")


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


def test_programs_of_some_licences_only(runner: RuleRunner) -> None:
    """The licence is the checkpoint's, so that a new program of a family needs no second mention."""
    weights = target_text("model_weights", "w", file="w.pth", license="Zlib")
    zlib = program_text("gamma_fast", weights=[":w"])
    runner.write_files({"models/gamma/BUILD": weights + zlib})
    set_options(runner)
    gamma = Address("models/gamma", target_name="gamma_fast")
    for licenses, expected in (
        (("MIT",), (ALPHA_FAST, ALPHA_SLOW, BETA_SLOW)),
        (("Zlib",), (gamma,)),
        (("Zlib", "MIT"), (ALPHA_FAST, ALPHA_SLOW, BETA_SLOW, gamma)),
    ):
        request = SelectProgramsRequest(INDEX, ("models::",), licenses)
        assert runner.request(SelectedPrograms, [request]).programs == expected


def test_a_licence_that_no_program_has(runner: RuleRunner) -> None:
    request = SelectProgramsRequest(INDEX, ("models::",), ("MIT", "Zlib"))
    assert refusal(runner, SelectedPrograms, request) == (
        "//:index: `only_licenses` allows Zlib, but no program of its `programs` has that licence. Their licences: MIT."
    )


def test_programs_of_some_toolchains_only(runner: RuleRunner) -> None:
    """The folder of the backend decides, so that a new program of a model needs no second mention."""
    backend = target_text(
        "pte_backend",
        "fast",
        resolve="engine",
        lowering=["src/python/pte_foundry/backends/fast.py"],
        delegate="FastBackend",
        platforms=["linux"],
        summary="An older one.",
    )
    older = program_text(
        "alpha_older_fast", backend=["toolchains/older:fast"], output_path="a/b_fast.pte"
    )
    runner.write_files({"toolchains/older/BUILD": backend, "models/gamma/BUILD": older})
    set_options(runner)
    gamma = Address("models/gamma", target_name="alpha_older_fast")
    for toolchains, expected in (
        (("//toolchains",), (ALPHA_FAST, ALPHA_SLOW, BETA_SLOW)),
        (("toolchains/older",), (gamma,)),
        (("//toolchains/older", "//toolchains"), (ALPHA_FAST, ALPHA_SLOW, BETA_SLOW, gamma)),
    ):
        request = SelectProgramsRequest(INDEX, ("models::",), None, toolchains)
        assert runner.request(SelectedPrograms, [request]).programs == expected
    request = SelectProgramsRequest(INDEX, ("models::",), None, ("//toolchains", "//toolchain"))
    assert refusal(runner, SelectedPrograms, request) == (
        "//:index: `only_toolchains` names //toolchain, but no program of its `programs` has a backend there. "
        "Their folders: //toolchains, //toolchains/older."
    )


@pytest.mark.parametrize("option", ["--tag=nightly", "--filter-target-type=pte_test"])
def test_filters_of_a_command_do_not_change_an_index(runner: RuleRunner, option: str) -> None:
    set_options(runner, option)
    selected = runner.request(SelectedPrograms, [SelectProgramsRequest(INDEX, ("models::",))])
    assert selected.programs == (ALPHA_FAST, ALPHA_SLOW, BETA_SLOW)


def test_specs_that_match_no_program(runner: RuleRunner) -> None:
    request = SelectProgramsRequest(INDEX, ("toolchains::",))
    message = refusal(runner, SelectedPrograms, request)
    assert message.startswith("//:index: toolchains:: matches no `pte_program`.")


def test_an_address_that_does_not_exist(runner: RuleRunner) -> None:
    request = SelectProgramsRequest(INDEX, ("models/alpha:nonesuch",))
    message = str(failure(runner, SelectedPrograms, request))
    assert "nonesuch" in message and "the `programs` of //:index" in message


@pytest.mark.parametrize(
    ("name", "fields", "file"),
    [
        ("alpha_fast", {}, "alpha/alpha_fast.pte"),
        ("another", {"output_path": "elsewhere/alpha_fast.pte"}, "alpha/alpha_fast.pte"),
        ("alpha_fast", {"output_path": "elsewhere/own.pte"}, None),
    ],
    ids=["same name", "same output_path", "same name, own output_path"],
)
def test_programs_that_would_be_one_file(
    runner: RuleRunner, name: str, fields: dict[str, object], file: str | None
) -> None:
    runner.write_files({"other/alpha/BUILD": program_text(name, **fields)})
    request = SelectProgramsRequest(INDEX, ("models/alpha::", "other::"))
    if file is None:
        assert len(runner.request(SelectedPrograms, [request]).programs) == 3
        return
    assert refusal(runner, SelectedPrograms, request) == (
        f"//:index: models/alpha:alpha_fast and other/alpha:{name} would both be {file} in a tree. "
        "Give one of them another name or another `output_path`."
    )
