from __future__ import annotations

import pytest
from pants.engine.addresses import Address, Addresses
from pants.engine.rules import QueryRule
from pants.engine.target import Dependencies, DependenciesRequest, SpecialCasedDependencies
from pants.testutil.rule_runner import RuleRunner

from pte_build.program.sources import EXPORT_MAIN, LibrarySources, LibrarySourcesRequest
from pte_build.test_support import ALPHA_FAST, BETA_SLOW, make_runner


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(
        queries=(
            QueryRule(Addresses, (DependenciesRequest,)),
            QueryRule(LibrarySources, (LibrarySourcesRequest,)),
        )
    )


def dependencies(runner: RuleRunner, address: Address) -> set[str]:
    """All direct dependencies, those in fields of their own included, as `--changed-since` sees them."""
    target = runner.get_target(address)
    inferred = runner.request(Addresses, [DependenciesRequest(target[Dependencies])])
    found = {dependency.spec for dependency in inferred}
    for field in target.field_values.values():
        if isinstance(field, SpecialCasedDependencies):
            found.update(field.value or ())
    return found


def test_a_backend_depends_on_its_lockfile(runner: RuleRunner) -> None:
    found = dependencies(runner, Address("toolchains", target_name="fast"))
    assert any("_engine_lockfile" in dependency for dependency in found)
    assert not any("_extra_lockfile" in dependency for dependency in found)


def test_a_program_depends_on_its_own_files_and_locks_only(runner: RuleRunner) -> None:
    found = dependencies(runner, ALPHA_FAST)
    assert any("_extra_lockfile" in dependency for dependency in found)
    assert any("exporting/main.py" in dependency for dependency in found)
    assert "src/python/pte_foundry/models/alpha.py" in found
    assert "toolchains:fast" in found
    assert not any("beta" in dependency for dependency in found)
    assert not any("validation" in dependency for dependency in found)


def test_an_index_depends_on_its_programs_and_their_tests(runner: RuleRunner) -> None:
    found = dependencies(runner, Address("", target_name="index"))
    assert {"models/alpha:alpha_fast", "models/alpha:alpha_fast_test", BETA_SLOW.spec} <= found


def test_an_export_reads_the_closure_of_its_files_and_no_other_family(runner: RuleRunner) -> None:
    alpha = Address("src/python/pte_foundry/models", relative_file_path="alpha.py")
    sources = runner.request(LibrarySources, [LibrarySourcesRequest(EXPORT_MAIN, (alpha,))])
    snapshot = runner.make_snapshot({})  # only for its type
    files = runner.request(type(snapshot), [sources.digest]).files
    assert "src/python/pte_foundry/models/alpha.py" in files
    assert EXPORT_MAIN in files
    assert "src/python/pte_foundry/models/beta.py" not in files
    assert not any("validation" in file for file in files)
