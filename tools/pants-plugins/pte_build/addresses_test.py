"""How many targets a field may name."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.addresses import KnownTarget, TargetRequest, exactly_one
from pte_build.errors import PteBuildError
from pte_build.stand_in_repository import program_text
from pte_build.targets.pte_backend import PteBackend
from pte_build.targets.pte_program import (
    ProgramBuilderField,
    ProgramImportsField,
    ProgramModelField,
    PteProgram,
)
from pte_build.test_support import ALPHA_FAST, make_runner, refusal

OWNER = Address("models/alpha", target_name="alpha_fast")
ONE = Address("models/alpha", target_name="one")
TWO = Address("models/alpha", target_name="two")


def test_one() -> None:
    assert exactly_one([ONE], "weights", OWNER) == ONE


@pytest.mark.parametrize(
    ("addresses", "named"),
    [([], "nothing"), ([ONE, TWO], "models/alpha:one, models/alpha:two")],
    ids=["none", "several"],
)
def test_not_exactly_one(addresses: list[Address], named: str) -> None:
    with pytest.raises(PteBuildError) as caught:
        exactly_one(addresses, "weights", OWNER)
    assert str(caught.value) == (
        f"{OWNER}: `weights` must name exactly one target; it names {named}."
    )


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(queries=(QueryRule(KnownTarget, (TargetRequest,)),))


def test_a_target_and_what_its_fields_name(runner: RuleRunner) -> None:
    fields = (ProgramBuilderField, ProgramImportsField)
    target = runner.request(KnownTarget, [TargetRequest(ALPHA_FAST, PteProgram, fields)])
    assert target.address == ALPHA_FAST
    assert target[ProgramModelField].value == "alpha"
    assert target.one(ProgramBuilderField).filename.endswith("/alpha.py")
    assert target.all(ProgramImportsField) == ()
    assert target.optional(ProgramImportsField) is None


def test_several_where_one_may_be_named(runner: RuleRunner) -> None:
    imports = [f"src/python/pte_foundry/models/{name}.py" for name in ("alpha", "beta")]
    runner.write_files({"bad/BUILD": program_text("p", imports=imports)})
    address = Address("bad", target_name="p")
    request = TargetRequest(address, PteProgram, (ProgramImportsField,))
    with pytest.raises(PteBuildError, match="bad:p: `imports` must name exactly one target"):
        runner.request(KnownTarget, [request]).optional(ProgramImportsField)


@pytest.mark.parametrize(
    ("field", "owner", "says"),
    [
        ("backend", "bad:p", "bad:p: `backend` names"),
        ("", "the index //:i", "the index //:i names"),
    ],
)
def test_a_target_of_another_kind(runner: RuleRunner, field: str, owner: str, says: str) -> None:
    request = TargetRequest(ALPHA_FAST, PteBackend, field=field, owner=owner)
    assert refusal(runner, KnownTarget, request) == (
        f"{says} {ALPHA_FAST}, which is a `pte_program`, not a `pte_backend`."
    )
