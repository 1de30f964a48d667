from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.testutil.rule_runner import RuleRunner
from pants.util.frozendict import FrozenDict

from pte_build.errors import PteBuildError
from pte_build.program.declaration import (
    Backend,
    Declaration,
    DeclarationRequest,
    choose_precision,
    exactly_one,
)
from pte_build.stand_in_repository import program_text
from pte_build.test_support import ALPHA_FAST, make_runner, refusal, set_options

PROGRAM = Address("models/alpha", target_name="alpha")
FAST = Backend(
    address=Address("toolchains", target_name="fast"),
    name="fast",
    resolve="engine",
    lowering=PROGRAM,
    delegate=None,
    precisions=("fp32", "int8"),
    options=FrozenDict(),
    rewrites=(),
    platforms=(),
    summary="",
)


def test_the_first_precision_is_the_default() -> None:
    assert choose_precision(PROGRAM, None, FAST) == "fp32"
    assert choose_precision(PROGRAM, "int8", FAST) == "int8"


def test_a_precision_that_the_backend_has_not_is_refused() -> None:
    with pytest.raises(PteBuildError, match="models/alpha:alpha: precision 'fp16'.*fp32, int8"):
        choose_precision(PROGRAM, "fp16", FAST)


@pytest.mark.parametrize(("names", "told"), [((), "nothing"), (("a", "b"), "x:a, x:b")])
def test_a_field_for_one_address_takes_exactly_one(names: tuple[str, ...], told: str) -> None:
    addresses = [Address("x", target_name=name) for name in names]
    with pytest.raises(PteBuildError, match=f"`weights` must name exactly one .*{told}"):
        exactly_one(addresses, "weights", PROGRAM)


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner()


def declare(runner: RuleRunner, **fields: object) -> Address:
    runner.write_files({"models/gamma/BUILD": program_text("gamma", **fields)})
    set_options(runner)
    return Address("models/gamma", target_name="gamma")


def test_a_program_takes_over_what_its_backend_says(runner: RuleRunner) -> None:
    address = declare(
        runner,
        options={"mode": "special"},
        rewrites=["src/python/pte_foundry/rewrites/plain.py"],
        precision="int8",
    )
    declaration = runner.request(Declaration, [DeclarationRequest(address)])
    assert dict(declaration.options) == {"level": "1", "mode": "special"}
    assert len(declaration.rewrites) == 2
    assert declaration.precision == "int8"
    assert declaration.resolves == ("engine", "extra")
    assert declaration.family == "gamma"
    assert declaration.pte_path == "models/gamma/gamma.pte"
    assert declaration.report_path == "models/gamma/gamma.json"


def test_inputs_keep_the_order_of_the_build_file(runner: RuleRunner) -> None:
    address = declare(runner, inputs={"zeta": "int64[1]", "alpha": "float32[1]"})
    declaration = runner.request(Declaration, [DeclarationRequest(address)])
    assert [name for name, _ in declaration.inputs] == ["zeta", "alpha"]


def test_another_target_in_the_place_of_a_backend_is_refused(runner: RuleRunner) -> None:
    address = declare(runner, backend=["toolchains:photographs"])
    told = refusal(runner, Declaration, DeclarationRequest(address))
    assert "models/gamma:gamma: `backend` names toolchains:photographs" in told
    assert "`photograph_set` and not a `pte_backend`" in told


def test_another_target_in_the_place_of_a_program_is_refused(runner: RuleRunner) -> None:
    set_options(runner)
    test = Address(ALPHA_FAST.spec_path, target_name="alpha_fast_test")
    told = refusal(runner, Declaration, DeclarationRequest(test, "the test"))
    assert "the test names models/alpha:alpha_fast_test, which is a `pte_test`" in told
