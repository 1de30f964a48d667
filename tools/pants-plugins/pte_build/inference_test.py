"""Inferred dependencies: what changes with a file, and what does not."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address, Addresses
from pants.engine.rules import QueryRule
from pants.engine.target import (
    Dependencies,
    DependenciesRequest,
    TransitiveTargets,
    TransitiveTargetsRequest,
)
from pants.testutil.rule_runner import RuleRunner

from pte_build.stand_in_repository import program_text, target_text
from pte_build.test_support import ALPHA_FAST, ALPHA_SLOW, BETA_SLOW, make_runner, refusal

LIBRARY = "src/python/pte_foundry"
ENGINE_LOCK = "locks/engine.lock:_engine_lockfile"
EXTRA_LOCK = "locks/extra.lock:_extra_lockfile"
INDEX = Address("", target_name="index")


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(
        queries=(
            QueryRule(Addresses, (DependenciesRequest,)),
            QueryRule(TransitiveTargets, (TransitiveTargetsRequest,)),
        )
    )


def closure(runner: RuleRunner, address: Address) -> set[str]:
    """All that a target depends on, as `--changed-since` with transitive dependents sees it."""
    request = TransitiveTargetsRequest([address], include_special_cased_deps=True)
    return {
        target.address.spec for target in runner.request(TransitiveTargets, [request]).dependencies
    }


def direct(runner: RuleRunner, address: Address) -> set[str]:
    field = runner.get_target(address)[Dependencies]
    request = DependenciesRequest(field, include_special_cased_deps=True)
    return {found.spec for found in runner.request(Addresses, [request])}


def test_a_program_depends_on_all_of_its_inputs(runner: RuleRunner) -> None:
    assert closure(runner, ALPHA_FAST) >= {
        "models/alpha:alpha_weights",
        "toolchains:fast",
        f"{LIBRARY}/models/alpha.py",
        f"{LIBRARY}/models/shared.py",
        f"{LIBRARY}/backends/fast.py",
        f"{LIBRARY}/rewrites/plain.py",
        f"{LIBRARY}/exporting/main.py",
        f"{LIBRARY}/records/report_main.py",
        ENGINE_LOCK,
        EXTRA_LOCK,
    }


@pytest.mark.parametrize(
    ("program", "foreign"),
    [
        (ALPHA_FAST, {"models/beta.py", "backends/slow.py", "rewrites/special.py"}),
        (ALPHA_SLOW, {"models/beta.py", "backends/fast.py", "rewrites/plain.py"}),
        (BETA_SLOW, {"models/alpha.py", "models/shared.py", "backends/fast.py"}),
    ],
    ids=lambda value: value.target_name if isinstance(value, Address) else "",
)
def test_a_program_depends_on_nothing_of_another(
    runner: RuleRunner, program: Address, foreign: set[str]
) -> None:
    found = closure(runner, program)
    assert not found & {f"{LIBRARY}/{path}" for path in foreign}
    # Validation and indexing read a program's bytes but do not contribute to them.
    for folder in ("validation", "index", "tree"):
        assert not any(spec.startswith(f"{LIBRARY}/{folder}/") for spec in found)
    assert "locks/dev.lock:_dev_lockfile" not in found


def test_a_program_without_a_builder_resolve(runner: RuleRunner) -> None:
    runner.write_files({"own/BUILD": program_text("p", builder_resolve=None)})
    found = closure(runner, Address("own", target_name="p"))
    assert ENGINE_LOCK in found and EXTRA_LOCK not in found


def test_a_backend_depends_on_its_lockfile(runner: RuleRunner) -> None:
    backend = Address("toolchains", target_name="slow")
    assert closure(runner, backend) >= {ENGINE_LOCK, f"{LIBRARY}/backends/slow.py"}


def test_a_test_depends_on_its_program_and_photographs(runner: RuleRunner) -> None:
    test = Address("models/alpha", target_name="alpha_fast_test")
    assert direct(runner, test) == {
        "models/alpha:alpha_fast",
        "toolchains:photographs",
        f"{LIBRARY}/validation/main.py",
    }
    assert closure(runner, test) >= {
        f"{LIBRARY}/photographs/main.py",
        EXTRA_LOCK,
        f"{LIBRARY}/models/alpha.py",
    }


def test_an_index_depends_on_its_programs_and_their_tests(runner: RuleRunner) -> None:
    assert direct(runner, INDEX) == {
        *(address.spec for address in (ALPHA_FAST, ALPHA_SLOW, BETA_SLOW)),
        "models/alpha:alpha_fast_test",
        "models/alpha:alpha_slow_test",
        "models/beta:beta_slow_test",
        f"{LIBRARY}/index/main.py",
    }


def test_a_tree_depends_on_its_index(runner: RuleRunner) -> None:
    tree = Address("", target_name="tree")
    assert closure(runner, tree) >= {"//:index", "models/alpha:alpha_fast"}
    assert direct(runner, tree) == {
        "//:index",
        f"{LIBRARY}/tree/tree_main.py",
        "locks:_provenance_lockfile",
    }


def test_the_test_of_a_committed_index_depends_on_the_index(runner: RuleRunner) -> None:
    test = Address("", target_name="index_test")
    assert direct(runner, test) == {"//:index", f"{LIBRARY}/index/compare_main.py"}


def test_an_unknown_resolve(runner: RuleRunner) -> None:
    text = target_text(
        "pte_backend",
        "b",
        resolve="nonesuch",
        lowering=[f"{LIBRARY}/backends/fast.py"],
        platforms=["linux"],
        summary="None.",
    )
    runner.write_files({"bad/BUILD": text})
    field = runner.get_target(Address("bad", target_name="b"))[Dependencies]
    message = refusal(runner, Addresses, DependenciesRequest(field))
    assert message.startswith("bad:b: there is no resolve 'nonesuch'")
    assert "dev, engine, extra" in message
