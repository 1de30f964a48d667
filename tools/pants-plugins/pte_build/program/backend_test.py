"""What BUILD files declare about a backend, and how mistakes in them are reported."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner
from pants.util.frozendict import FrozenDict

from pte_build.program.backend import Backend, BackendRequest
from pte_build.sdk.kinds import SdkRequirement
from pte_build.stand_in_repository import target_text
from pte_build.test_support import ALPHA_FAST, failure, make_runner, refusal

LOWERING = "src/python/pte_foundry/backends/fast.py"


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(queries=(QueryRule(Backend, (BackendRequest,)),))


def request(address: Address) -> BackendRequest:
    return BackendRequest(address, ALPHA_FAST)


def declare(runner: RuleRunner, **fields: object) -> BackendRequest:
    """The request for a backend that has these fields."""
    defaults: dict[str, object] = {
        "resolve": "engine",
        "lowering": [LOWERING],
        "platforms": ["linux"],
        "summary": "Bad.",
    }
    text = target_text("pte_backend", "b", **{**defaults, **fields})
    runner.write_files({"bad/toolchain/BUILD": text})
    return request(Address("bad/toolchain", target_name="b"))


def test_everything_that_is_declared(runner: RuleRunner) -> None:
    backend = runner.request(Backend, [request(Address("toolchains", target_name="fast"))])
    assert (backend.name, backend.resolve, backend.delegate) == ("fast", "engine", "FastBackend")
    assert backend.lowering.filename == LOWERING
    assert backend.precisions == ("fp32", "int8")
    assert dict(backend.options) == {"level": "1", "mode": "plain"}
    assert [each.filename for each in backend.rewrites] == [
        "src/python/pte_foundry/rewrites/plain.py"
    ]
    assert backend.interpreter is None
    assert (backend.max_size_ratios, backend.dynamic_dimensions) == (FrozenDict(), False)
    assert (backend.platforms, backend.summary, backend.sdk) == (("linux", "web"), "Fast.", None)


def test_a_backend_with_an_interpreter(runner: RuleRunner) -> None:
    backend = runner.request(Backend, [declare(runner, interpreter=[LOWERING])])
    assert backend.interpreter is not None and backend.interpreter.filename == LOWERING


def test_what_programs_of_a_backend_may_be(runner: RuleRunner) -> None:
    fields = {"max_size_ratios": {"fp16": 0.54}, "dynamic_dimensions": True}
    backend = runner.request(Backend, [declare(runner, **fields)])
    assert (backend.max_size_ratios, backend.dynamic_dimensions) == (
        FrozenDict({"fp16": 0.54}),
        True,
    )


@pytest.mark.parametrize("ratios", [{"fp64": 0.54}, {"fp16": "0.54"}, {"fp16": 0.0}, [0.54]])
def test_size_ratios_are_numbers_by_precision(runner: RuleRunner, ratios: object) -> None:
    message = str(failure(runner, Backend, declare(runner, max_size_ratios=ratios)))
    assert "bad/toolchain:b: `max_size_ratios` is" in message and "(fp32, fp16, int8)" in message


def test_a_backend_that_is_another_target_type(runner: RuleRunner) -> None:
    weights = Address("models/alpha", target_name="alpha_weights")
    assert refusal(runner, Backend, request(weights)) == (
        "models/alpha:alpha_fast: `backend` names models/alpha:alpha_weights, which is a "
        "`model_weights`, not a `pte_backend`."
    )


def test_a_backend_without_precisions(runner: RuleRunner) -> None:
    message = refusal(runner, Backend, declare(runner, precisions=[]))
    assert message.startswith("bad/toolchain:b: `precisions` is empty")


@pytest.mark.parametrize("fields", [{"sdk": "qnn"}, {"sdk_version": "2.37"}])
def test_an_sdk_and_its_version_go_together(runner: RuleRunner, fields: dict[str, str]) -> None:
    assert refusal(runner, Backend, declare(runner, **fields)) == (
        "bad/toolchain:b: `sdk` and `sdk_version` go together; one of them is missing."
    )


def test_an_sdk(runner: RuleRunner) -> None:
    backend = runner.request(Backend, [request(Address("toolchains", target_name="chip"))])
    assert backend.sdk == SdkRequirement("qnn", "2.37")
