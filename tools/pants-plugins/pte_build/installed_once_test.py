from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pants.backend.python.subsystems.setup import PythonSetup
from pants.backend.python.util_rules import pex_from_targets
from pants.backend.python.util_rules.interpreter_constraints import InterpreterConstraints
from pants.backend.python.util_rules.pex import OptionalPexRequest, PexRequest
from pants.backend.python.util_rules.pex_from_targets import PexFromTargetsRequest
from pants.backend.python.util_rules.pex_requirements import EntireLockfile, Lockfile
from pants.engine.addresses import Address

import pte_build.register  # noqa: F401  Installs it.
from pte_build import installed_once

WHOLE = EntireLockfile(Lockfile("dev.lock", "a test", "dev"))


def answer(coroutine: Any, *answers: object) -> tuple[list[type], Any]:
    """The types that a rule asks for, and its result, if it is given these answers."""
    asked, values = [], iter(answers)
    try:
        wanted = coroutine.send(None)
        while True:
            asked.append(wanted.output_type)
            wanted = coroutine.send(next(values))
    except StopIteration as end:
        return asked, end.value


def request(internal_only: bool = True) -> PexFromTargetsRequest:
    return PexFromTargetsRequest(
        [Address("a")], output_filename="a.pex", internal_only=internal_only
    )


def setup(whole: bool) -> PythonSetup:
    return cast(PythonSetup, SimpleNamespace(run_against_entire_lockfile=whole))


def repository(requirements: EntireLockfile | None) -> OptionalPexRequest:
    if requirements is None:
        return OptionalPexRequest(None)
    return OptionalPexRequest(
        PexRequest(
            output_filename="dev_lockfile.pex",
            internal_only=True,
            requirements=requirements,
            interpreter_constraints=InterpreterConstraints(["CPython==3.11.*"]),
        )
    )


def test_a_whole_lockfile_has_no_second_pex_on_its_path() -> None:
    asked, (requirements, path) = answer(
        pex_from_targets._determine_requirements_for_pex_from_targets(request(), setup(True)),
        repository(WHOLE),
    )
    # An `OptionalPex` would be the second one.
    assert asked == [OptionalPexRequest]
    assert (requirements, path) == (WHOLE, ())


@pytest.mark.parametrize(
    ("whole", "internal_only", "answers"),
    [(False, True, []), (True, False, []), (True, True, [repository(None)])],
)
def test_everything_else_is_as_in_pants(
    monkeypatch: pytest.MonkeyPatch,
    whole: bool,
    internal_only: bool,
    answers: list[OptionalPexRequest],
) -> None:
    async def plain(request: object, python_setup: object) -> str:
        return "as in Pants"

    monkeypatch.setattr(installed_once, "plain", plain)
    _, result = answer(
        installed_once.without_a_second_pex(request(internal_only), setup(whole)), *answers
    )
    assert result == "as in Pants"


def test_this_version_of_pants_makes_two() -> None:
    rule = inspect.getsource(pex_from_targets.create_pex_from_targets.rule.func)
    assert "await _determine_requirements_for_pex_from_targets(" in rule
    assert "pex_path=additional_pexes" in rule
    source = inspect.getsource(installed_once.plain)
    assert ".requirements, [repository_pex.maybe_pex]" in source
