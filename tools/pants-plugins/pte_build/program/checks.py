"""Which test validates a program, and the thresholds that it applies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pants.engine.addresses import Address, Addresses, UnparsedAddressInputs
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.engine.target import AllTargets, Target
from pants.util.frozendict import FrozenDict

from pte_build.errors import PteBuildError
from pte_build.targets.pte_test_target import (
    MaxAbsDifferenceField,
    MaxPlannedMemoryRatioField,
    MaxSizeRatioField,
    MinCosineField,
    TestExpectedLabelsField,
    TestMemoryLimitField,
    TestPhotographsField,
    TestProgramField,
    TestTimeLimitField,
    TestTimeoutField,
)
from pte_build.targets.trained_checks import TRAINED_CHECK_FIELDS


@dataclass(frozen=True)
class DeclaredChecks:
    """The fields of a `pte_test`.

    photographs: the address of a `photograph_set`, if it has one.
    trained: field to threshold, of those in TRAINED_CHECK_FIELDS that the test has.
    time_limit: seconds of one step, and memory_limit: MB, of a process that works on the program's bytes.
    """

    address: Address
    min_cosine: float
    max_abs_difference: float
    max_size_ratio: float
    max_planned_memory_ratio: float
    photographs: Address | None
    expected_labels: FrozenDict[str, str]
    time_limit: int
    memory_limit: int
    timeout: int
    trained: FrozenDict[str, float] = FrozenDict()

    def as_json(self) -> dict[str, Any]:
        """As they stand in the report."""
        return {
            "min_cosine": self.min_cosine,
            "max_abs_difference": self.max_abs_difference,
            "photographs": dict(self.expected_labels),
            "trained": (
                {field.alias: self.trained.get(field.alias) for field in TRAINED_CHECK_FIELDS}
                if self.trained
                else None
            ),
            "max_size_ratio": self.max_size_ratio,
            "max_planned_memory_ratio": self.max_planned_memory_ratio,
        }

    def limits_as_json(self) -> dict[str, int]:
        """As they stand in the validation's request: no thresholds, so they are in no report."""
        return {"seconds": self.time_limit, "memory_mb": self.memory_limit}


@dataclass(frozen=True)
class ProgramChecksRequest(EngineAwareParameter):
    program: Address

    def debug_hint(self) -> str:
        return self.program.spec


@dataclass(frozen=True)
class ProgramChecks:
    """`checks` is None if the program has no test."""

    checks: DeclaredChecks | None


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
async def find_program_checks(
    request: ProgramChecksRequest, tests: AllProgramTests
) -> ProgramChecks:
    test = tests.find(request.program)
    if test is None:
        return ProgramChecks(None)
    programs = await Get(
        Addresses, UnparsedAddressInputs, test[TestProgramField].to_unparsed_address_inputs()
    )
    if tuple(programs) != (request.program,):
        raise PteBuildError(
            f"{test.address}: by its name it is the test of {request.program}, but its "
            f"`{TestProgramField.alias}` names "
            f"{', '.join(address.spec for address in programs) or 'nothing'}. The test of a "
            "program is called `<program>_test`."
        )
    photographs = await Get(
        Addresses, UnparsedAddressInputs, test[TestPhotographsField].to_unparsed_address_inputs()
    )
    return ProgramChecks(
        DeclaredChecks(
            address=test.address,
            min_cosine=_required(test[MinCosineField].value),
            max_abs_difference=_required(test[MaxAbsDifferenceField].value),
            max_size_ratio=_required(test[MaxSizeRatioField].value),
            max_planned_memory_ratio=_required(test[MaxPlannedMemoryRatioField].value),
            photographs=photographs[0] if photographs else None,
            expected_labels=test[TestExpectedLabelsField].value or FrozenDict(),
            time_limit=int(_required(test[TestTimeLimitField].value)),
            memory_limit=int(_required(test[TestMemoryLimitField].value)),
            timeout=int(_required(test[TestTimeoutField].value)),
            trained=FrozenDict(
                {
                    field.alias: value
                    for field in TRAINED_CHECK_FIELDS
                    if (value := test[field].value) is not None
                }
            ),
        )
    )


def _required(value: float | None) -> float:
    assert value is not None, "the field has a default"
    return value


def rules() -> Iterable[Rule]:
    return collect_rules()
