"""Exports get the import closures of single files, and nothing else of the library."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.engine.fs import Digest, Snapshot
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from pte_build.sources import (
    EXPORT_MAIN,
    INDEX_MAIN,
    LibrarySources,
    LibrarySourcesRequest,
    Module,
    ModuleRequest,
    module_name,
)
from pte_build.test_support import ALPHA_FAST, failure, make_runner, refusal

ROOT = "src/python/pte_foundry"


@pytest.mark.parametrize(
    ("path", "root", "expected"),
    [
        ("src/python/a/b.py", "src/python", "a.b"),
        ("src/python/b.py", "src/python", "b"),
        ("a/b.py", ".", "a.b"),
    ],
)
def test_module_name(path: str, root: str, expected: str) -> None:
    assert module_name(path, root) == expected


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return make_runner(
        queries=(
            QueryRule(LibrarySources, (LibrarySourcesRequest,)),
            QueryRule(Module, (ModuleRequest,)),
            QueryRule(Snapshot, (Digest,)),
        )
    )


def file(folder: str, name: str) -> Address:
    return Address(f"{ROOT}/{folder}", relative_file_path=name)


def closure(runner: RuleRunner, main: str, *plugins: Address) -> set[str]:
    """The files that a process would get, without the empty `__init__.py`."""
    sources = runner.request(LibrarySources, [LibrarySourcesRequest(main, plugins)])
    assert sources.source_roots == ("src/python",)
    snapshot = runner.request(Snapshot, [sources.digest])
    return {path[len(ROOT) + 1 :] for path in snapshot.files if not path.endswith("/__init__.py")}


def test_closure_of_an_export(runner: RuleRunner) -> None:
    plugins = (file("models", "alpha.py"), file("backends", "fast.py"))
    assert closure(runner, EXPORT_MAIN, *plugins) == {
        "exporting/main.py",
        "models/alpha.py",
        "models/shared.py",
        "backends/fast.py",
    }


def test_closure_of_another_family(runner: RuleRunner) -> None:
    plugins = (file("models", "beta.py"), file("backends", "slow.py"))
    assert closure(runner, EXPORT_MAIN, *plugins) == {
        "exporting/main.py",
        "models/beta.py",
        "backends/slow.py",
    }


def test_closure_of_a_tool(runner: RuleRunner) -> None:
    assert closure(runner, INDEX_MAIN) == {"index/main.py"}


def test_module_of_a_file(runner: RuleRunner) -> None:
    request = ModuleRequest(file("models", "alpha.py"), ALPHA_FAST, "builder")
    assert runner.request(Module, [request]) == Module("pte_foundry.models.alpha")


@pytest.mark.parametrize(
    "address",
    [Address(f"{ROOT}/models"), Address("models/alpha", relative_file_path="labels.txt")],
    ids=["folder", "text"],
)
def test_a_builder_that_is_not_one_python_file(runner: RuleRunner, address: Address) -> None:
    message = refusal(runner, Module, ModuleRequest(address, ALPHA_FAST, "builder"))
    assert message.startswith("models/alpha:alpha_fast: `builder` must name one Python file")
    assert address.spec in message


def test_an_entry_module_that_is_missing(runner: RuleRunner) -> None:
    error = failure(runner, LibrarySources, LibrarySourcesRequest(f"{ROOT}/index/gone.py"))
    assert f"{ROOT}/index/gone.py" in str(error)
