"""Which test validates a program, and the thresholds that it applies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.engine.target import AllTargets, Target
from pants.util.frozendict import FrozenDict

from pte_build.addresses import KnownTarget, TargetRequest
from pte_build.errors import PteBuildError
from pte_build.program.declaration import DeclarationRequest, ProgramDeclaration
from pte_build.targets.pte_test_target import (
    CHECK_FIELDS,
    DEFAULT_SIZE_RATIO,
    TRAINED_CHECK_FIELDS,
    MaxRelativeErrorField,
    MaxSizeRatioField,
    PteTest,
    TestExpectedLabelsField,
    TestMemoryLimitField,
    TestPhotographsField,
    TestProgramField,
    TestSamplesField,
    TestTimeLimitField,
    TestTimeoutField,
)
from pte_foundry.records.checks import Checks
from pte_foundry.records.limits import Limits
from pte_foundry.records.trained_checks import TrainedChecks


@dataclass(frozen=True)
class ProgramTest:
    """A `pte_test`.

    checks: the part that the report states.
    photographs: the address of a `photograph_set`, if it has one.
    samples: the address of a `sample_set`, if it has one.
    limits: of a process that works on the program's bytes. Like the timeout, they are not thresholds, so no report
        states them.
    """

    address: Address
    checks: Checks
    photographs: Address | None
    samples: Address | None
    limits: Limits
    timeout: int


@dataclass(frozen=True)
class ProgramTestRequest(EngineAwareParameter):
    program: Address

    def debug_hint(self) -> str:
        return self.program.spec


@dataclass(frozen=True)
class DeclaredTest:
    """`test` is None if the program has none."""

    test: ProgramTest | None


@dataclass(frozen=True)
class AllProgramTests:
    """The `pte_test` targets by address; a program's test is called `<program>_test`."""

    by_address: FrozenDict[Address, Target]

    def find(self, program: Address) -> Target | None:
        name = f"{program.target_name}_test"
        return self.by_address.get(Address(program.spec_path, target_name=name))


@rule
def find_all_program_tests(all_targets: AllTargets) -> AllProgramTests:
    return AllProgramTests(
        FrozenDict({t.address: t for t in all_targets if t.has_field(TestProgramField)})
    )


@rule
async def find_program_test(request: ProgramTestRequest, tests: AllProgramTests) -> DeclaredTest:
    found = tests.find(request.program)
    if found is None:
        return DeclaredTest(None)
    test = await Get(
        KnownTarget,
        TargetRequest(
            found.address, PteTest, (TestProgramField, TestPhotographsField, TestSamplesField)
        ),
    )
    programs = test.all(TestProgramField)
    if programs != (request.program,):
        raise PteBuildError(
            f"{test.address}: by its name it is the test of {request.program}, but its "
            f"`{TestProgramField.alias}` names "
            f"{', '.join(address.spec for address in programs) or 'nothing'}. The test of a "
            "program is called `<program>_test`."
        )
    declaration = await Get(
        ProgramDeclaration, DeclarationRequest(request.program, origin=test.address.spec)
    )
    usual_size = declaration.backend.max_size_ratios.get(declaration.precision, DEFAULT_SIZE_RATIO)
    return DeclaredTest(
        ProgramTest(
            address=test.address,
            checks=declared_checks(test.target, usual_size),
            photographs=test.optional(TestPhotographsField),
            samples=test.optional(TestSamplesField),
            limits=Limits(
                int(_required(test[TestTimeLimitField].value)),
                int(_required(test[TestMemoryLimitField].value)),
            ),
            timeout=int(_required(test[TestTimeoutField].value)),
        )
    )


def declared_checks(test: Target, usual_size: float) -> Checks:
    """The thresholds of a `pte_test`, whose fields have the names of the record's.

    usual_size: the size ratio of a test that does not declare one.
    """
    declared = {field.alias: test[field].value for field in CHECK_FIELDS}
    if declared[MaxSizeRatioField.alias] is None:
        declared[MaxSizeRatioField.alias] = usual_size
    trained = {field.alias: test[field].value for field in TRAINED_CHECK_FIELDS}
    declares_any = any(value is not None for value in trained.values())
    return Checks(
        **{name: _required(value) for name, value in declared.items()},
        photographs=test[TestExpectedLabelsField].value or FrozenDict(),
        trained=TrainedChecks(**trained) if declares_any else None,
        max_relative_error=test[MaxRelativeErrorField].value,
    )


def _required(value: float | None) -> float:
    assert value is not None, "the field has a default"
    return value


def rules() -> Iterable[Rule]:
    return collect_rules()
