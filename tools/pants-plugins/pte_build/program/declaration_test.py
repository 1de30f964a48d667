"""What BUILD files declare about a program, and how mistakes in them are reported."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.testutil.rule_runner import RuleRunner
from pants.util.frozendict import FrozenDict

from pte_build.errors import PteBuildError
from pte_build.program.backend import Backend
from pte_build.program.declaration import (
    DeclarationRequest,
    ProgramDeclaration,
    choose_precision,
)
from pte_build.stand_in_repository import program_text, target_text
from pte_build.test_support import ALPHA_FAST, failure, make_runner, refusal
from pte_foundry.records.promise import Floor

BACKENDS = "src/python/pte_foundry/backends"
BACKEND = Backend(
    address=Address("toolchains", target_name="fast"),
    name="fast",
    resolve="engine",
    lowering=Address(BACKENDS, relative_file_path="fast.py"),
    interpreter=None,
    delegate=None,
    precisions=("fp16", "fp32"),
    options=FrozenDict(),
    rewrites=(),
    sdk=None,
    platforms=("linux",),
    summary="Fast.",
)


def test_precision() -> None:
    assert choose_precision(ALPHA_FAST, None, BACKEND) == "fp16"
    assert choose_precision(ALPHA_FAST, "fp32", BACKEND) == "fp32"


def test_precision_that_the_backend_lacks() -> None:
    with pytest.raises(PteBuildError) as caught:
        choose_precision(ALPHA_FAST, "int8", BACKEND)
    assert str(caught.value).startswith("models/alpha:alpha_fast: precision 'int8'")
    assert "toolchains:fast" in str(caught.value) and "fp16, fp32" in str(caught.value)


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner()


def declare(runner: RuleRunner, **fields: object) -> DeclarationRequest:
    """The request for a program that has these fields."""
    runner.write_files({"bad/family/BUILD": program_text("p", **fields)})
    return DeclarationRequest(Address("bad/family", target_name="p"))


def test_everything_that_is_declared(runner: RuleRunner) -> None:
    request = declare(
        runner,
        precision="int8",
        quantization=["src/python/pte_foundry/quantization/recipes/rounding.py"],
        min_quantized_weights=0.5,
        options={"mode": "own", "extra": "2"},
        rewrites=["src/python/pte_foundry/rewrites/special.py"],
        max_delegate_calls=1,
        max_undelegated_operators=2,
        min_delegated_fraction=0.5,
        inputs={"z": "float32[1]", "a": "int64[2]"},
    )
    declaration = runner.request(ProgramDeclaration, [request])
    rewrites = "src/python/pte_foundry/rewrites"
    assert declaration.backend.name == "fast"
    assert declaration.backend.delegate == "FastBackend"
    assert declaration.precision == "int8"
    assert declaration.quantization is not None
    assert declaration.quantization.recipe.filename.endswith("/rounding.py")
    assert declaration.unavailable is None
    assert dict(declaration.options) == {"level": "1", "mode": "own", "extra": "2"}
    # The backend's come first.
    assert declaration.rewrites == (
        Address(rewrites, relative_file_path="plain.py"),
        Address(rewrites, relative_file_path="special.py"),
    )
    assert declaration.resolves == ("engine", "extra")
    assert declaration.floor == Floor(1, 2, 0.5)
    # In the order of the BUILD file, which is the order of the model's arguments.
    assert [(spec.name, str(spec)) for spec in declaration.inputs] == [
        ("z", "float32[1]"),
        ("a", "int64[2]"),
    ]
    assert declaration.family == "family"
    assert declaration.pte_path == "bad/family/p.pte"
    assert declaration.report_path == "bad/family/p.json"


def test_defaults(runner: RuleRunner) -> None:
    declaration = runner.request(ProgramDeclaration, [declare(runner, builder_resolve=None)])
    assert declaration.precision == "fp32"
    assert declaration.floor == Floor(None, None, None)
    assert (declaration.quantization, declaration.unavailable) == (None, None)
    assert declaration.resolves == ("engine",)


def test_output_path(runner: RuleRunner) -> None:
    request = declare(runner, output_path="elsewhere/q.pte")
    declaration = runner.request(ProgramDeclaration, [request])
    assert (declaration.pte_path, declaration.report_path) == (
        "elsewhere/q.pte",
        "elsewhere/q.json",
    )


def test_an_unknown_backend(runner: RuleRunner) -> None:
    request = declare(runner, backend=["toolchains:nonesuch"])
    message = str(failure(runner, ProgramDeclaration, request))
    assert "toolchains:nonesuch" in message
    assert "`backend`" in message and "bad/family:p" in message
    assert ":fast" in message and ":slow" in message


def test_a_precision_that_the_backend_cannot_lower_to(runner: RuleRunner) -> None:
    message = refusal(runner, ProgramDeclaration, declare(runner, precision="fp16"))
    assert "bad/family:p: precision 'fp16'" in message and "fp32, int8" in message


def test_a_precision_that_does_not_exist(runner: RuleRunner) -> None:
    message = str(failure(runner, ProgramDeclaration, declare(runner, precision="fp17")))
    assert "fp17" in message and "bad/family:p" in message and "int8" in message


def test_several_weights(runner: RuleRunner) -> None:
    both = ["models/alpha:alpha_weights", "models/beta:beta_weights"]
    message = refusal(runner, ProgramDeclaration, declare(runner, weights=both))
    assert "`weights` must name exactly one target; it names models/alpha:alpha_weights" in message


def test_a_program_that_is_another_target_type(runner: RuleRunner) -> None:
    request = DeclarationRequest(Address("toolchains", target_name="fast"), "the index //:i")
    message = refusal(runner, ProgramDeclaration, request)
    assert message == (
        "the index //:i names toolchains:fast, which is a `pte_backend`, not a `pte_program`."
    )


def test_an_unavailable_program_need_not_build(runner: RuleRunner) -> None:
    """Its precision may be the very thing that the backend lacks; and it needs no recipe."""
    for precision in ("int8", "fp16"):
        reason = "The backend has\n   no such operators."
        request = declare(runner, precision=precision, unavailable=reason)
        declaration = runner.request(ProgramDeclaration, [request])
        assert declaration.unavailable == "The backend has no such operators"
        assert (declaration.precision, declaration.quantization) == (precision, None)


def test_a_recipe_of_an_unavailable_program_is_ignored(runner: RuleRunner) -> None:
    request = declare(runner, quantization=["nonesuch.py"], unavailable="it loses its accuracy")
    assert runner.request(ProgramDeclaration, [request]).quantization is None


@pytest.mark.parametrize("reason", ["", "  .", "\n"])
def test_an_empty_reason(runner: RuleRunner, reason: str) -> None:
    message = refusal(runner, ProgramDeclaration, declare(runner, unavailable=reason))
    assert message.startswith("bad/family:p: `unavailable` is empty. Say why")


def test_dynamic_dimensions_need_a_backend_that_supports_them(runner: RuleRunner) -> None:
    inputs = {"image": "float32[1,3]", "tokens": "int64[1,seq=1..8]{0..9}"}
    message = refusal(runner, ProgramDeclaration, declare(runner, inputs=inputs))
    assert message.startswith("bad/family:p: `inputs` has dynamic dimensions (tokens: int64[1,seq=")
    assert "toolchains:fast does not set `dynamic_dimensions`" in message
    backend = target_text(
        "pte_backend",
        "b",
        resolve="engine",
        lowering=[f"{BACKENDS}/fast.py"],
        dynamic_dimensions=True,
        platforms=["linux"],
        summary="Of any size.",
    )
    program = program_text("p", inputs=inputs, backend=[":b"])
    runner.write_files({"bad/family/BUILD": backend + program})
    request = DeclarationRequest(Address("bad/family", target_name="p"))
    declared = runner.request(ProgramDeclaration, [request]).inputs
    assert {spec.name: str(spec) for spec in declared} == inputs


def test_an_input_of_an_unknown_type(runner: RuleRunner) -> None:
    request = declare(runner, inputs={"image": "float31[1]"})
    message = refusal(runner, ProgramDeclaration, request)
    assert message.startswith("bad/family:p: bad-input-shape: input 'image' is declared as")
