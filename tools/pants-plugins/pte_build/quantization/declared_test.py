"""What a BUILD file declares about quantization, and how contradictions in it are reported."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.testutil.rule_runner import RuleRunner

from pte_build.program.declaration import DeclarationRequest, ProgramDeclaration
from pte_build.stand_in_repository import program_text, quantized_text
from pte_build.test_support import make_runner, refusal
from pte_foundry.records.quantization import QuantizationFloor

RECIPE = "src/python/pte_foundry/quantization/recipes/rounding.py"


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner()


def write(runner: RuleRunner, text: str) -> DeclarationRequest:
    runner.write_files({"bad/BUILD": text})
    return DeclarationRequest(Address("bad", target_name="p"))


def test_everything_that_is_declared(runner: RuleRunner) -> None:
    text = quantized_text("p", quantization_options={"b": "2", "a": "1"}, min_quantized_compute=1.0)
    found = runner.request(ProgramDeclaration, [write(runner, text)]).quantization
    assert found is not None
    assert found.recipe.filename == RECIPE
    assert dict(found.options) == {"a": "1", "b": "2"}
    assert found.calibration == Address("toolchains", target_name="calibration")
    assert found.floor == QuantizationFloor(0.9, 1.0)


def test_a_recipe_that_uses_no_pictures(runner: RuleRunner) -> None:
    declaration = runner.request(
        ProgramDeclaration, [write(runner, quantized_text("p", calibration=[]))]
    )
    assert declaration.quantization is not None
    assert declaration.quantization.calibration is None
    assert declaration.quantization.floor.min_quantized_compute is None


def test_a_float_program_has_none(runner: RuleRunner) -> None:
    text = program_text("p", quantization=[], quantization_options={}, calibration=None)
    assert runner.request(ProgramDeclaration, [write(runner, text)]).quantization is None


def test_int8_without_a_recipe(runner: RuleRunner) -> None:
    text = quantized_text("p", quantization=[])
    assert refusal(runner, ProgramDeclaration, write(runner, text)) == (
        "bad:p: its precision is 'int8', but it has no `quantization`. Name a recipe, such as "
        "`src/python/pte_foundry/quantization/recipes/xnnpack_static.py`."
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantization", [RECIPE]),
        ("quantization_options", {"a": "1"}),
        ("calibration", ["toolchains:calibration"]),
        ("min_quantized_weights", 0.9),
        ("min_quantized_compute", 0.0),
    ],
)
def test_a_float_program_that_would_ignore_a_field(
    runner: RuleRunner, field: str, value: object
) -> None:
    message = refusal(
        runner, ProgramDeclaration, write(runner, program_text("p", **{field: value}))
    )
    assert message.startswith(f"bad:p: its precision is 'fp32', so `{field}` would be ignored.")
    assert "`precision='int8'`" in message


def test_several_recipes(runner: RuleRunner) -> None:
    text = quantized_text("p", quantization=[RECIPE, "src/python/pte_foundry/rewrites/plain.py"])
    message = refusal(runner, ProgramDeclaration, write(runner, text))
    assert message.startswith("bad:p: `quantization` must name exactly one target; it names src/")


def test_several_calibration_sets(runner: RuleRunner) -> None:
    both = ["toolchains:calibration", "toolchains:photographs"]
    message = refusal(
        runner, ProgramDeclaration, write(runner, quantized_text("p", calibration=both))
    )
    assert message.startswith("bad:p: `calibration` must name exactly one target")


def test_no_floor(runner: RuleRunner) -> None:
    text = quantized_text("p", min_quantized_weights=None)
    message = refusal(runner, ProgramDeclaration, write(runner, text))
    assert message.startswith("bad:p: it declares no `min_quantized_weights`.")


@pytest.mark.parametrize("field", ["min_quantized_weights", "min_quantized_compute"])
@pytest.mark.parametrize("value", [0.0, -0.1, 1.01])
def test_a_floor_out_of_range(runner: RuleRunner, field: str, value: float) -> None:
    message = refusal(
        runner, ProgramDeclaration, write(runner, quantized_text("p", **{field: value}))
    )
    assert message.startswith(f"bad:p: `{field}` is {value}, ")
