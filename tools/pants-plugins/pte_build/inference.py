"""Inferred dependencies: lockfiles, entry modules, the programs of an index. They drive `--changed-since`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.backend.python.goals.lockfile import synthetic_lockfile_target_name
from pants.backend.python.subsystems.setup import PythonSetup
from pants.engine.addresses import Address
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.engine.target import FieldSet, InferDependenciesRequest, InferredDependencies
from pants.engine.unions import UnionRule

from pte_build import sources
from pte_build.aggregate.selection import SelectedPrograms, SelectProgramsRequest
from pte_build.program.checks import AllProgramTests
from pte_build.targets.model_index import (
    CommittedIndexField,
    IndexLicensesField,
    IndexProgramsField,
    IndexToolchainsField,
)
from pte_build.targets.model_tree import TreeIndexField, TreeProvenanceResolveField
from pte_build.targets.pictures import PhotographsFilesField, PhotographsResolveField
from pte_build.targets.pte_backend import BackendLoweringField, BackendResolveField
from pte_build.targets.pte_program import ProgramBuilderField, ProgramBuilderResolveField
from pte_build.targets.pte_test_target import TestProgramField
from pte_build.toolchain.resolves import lockfile_path


def library_file(path: str) -> Address:
    """The address of one of the library's entry modules."""
    folder, _, name = path.rpartition("/")
    return Address(folder, relative_file_path=name)


def lockfile_address(resolve: str, python_setup: PythonSetup, owner: Address) -> Address:
    """The synthetic target of a resolve's lockfile. Raises PteBuildError for a resolve that does not exist."""
    lockfile = lockfile_path(resolve, python_setup, owner.spec)
    return Address(lockfile.rpartition("/")[0], target_name=synthetic_lockfile_target_name(resolve))


@dataclass(frozen=True)
class BackendInferenceFieldSet(FieldSet):
    required_fields = (BackendLoweringField, BackendResolveField)

    resolve: BackendResolveField


class InferBackendDependencies(InferDependenciesRequest[BackendInferenceFieldSet]):
    infer_from = BackendInferenceFieldSet


@rule
def infer_backend_dependencies(
    request: InferBackendDependencies, python_setup: PythonSetup
) -> InferredDependencies:
    field_set = request.field_set
    return InferredDependencies(
        [lockfile_address(field_set.resolve.value or "", python_setup, field_set.address)]
    )


@dataclass(frozen=True)
class ProgramInferenceFieldSet(FieldSet):
    required_fields = (ProgramBuilderField,)

    builder_resolve: ProgramBuilderResolveField


class InferProgramDependencies(InferDependenciesRequest[ProgramInferenceFieldSet]):
    infer_from = ProgramInferenceFieldSet


@rule
def infer_program_dependencies(
    request: InferProgramDependencies, python_setup: PythonSetup
) -> InferredDependencies:
    resolve = request.field_set.builder_resolve.value
    return InferredDependencies(
        [
            library_file(sources.EXPORT_MAIN),
            library_file(sources.REPORT_MAIN),
            *(
                [lockfile_address(resolve, python_setup, request.field_set.address)]
                if resolve
                else ()
            ),
        ]
    )


@dataclass(frozen=True)
class PhotographsInferenceFieldSet(FieldSet):
    required_fields = (PhotographsFilesField,)

    resolve: PhotographsResolveField


class InferPhotographsDependencies(InferDependenciesRequest[PhotographsInferenceFieldSet]):
    infer_from = PhotographsInferenceFieldSet


@rule
def infer_photographs_dependencies(
    request: InferPhotographsDependencies, python_setup: PythonSetup
) -> InferredDependencies:
    field_set = request.field_set
    return InferredDependencies(
        [
            library_file(sources.PHOTOGRAPHS_MAIN),
            lockfile_address(field_set.resolve.value or "", python_setup, field_set.address),
        ]
    )


@dataclass(frozen=True)
class TestInferenceFieldSet(FieldSet):
    required_fields = (TestProgramField,)

    __test__ = False


class InferTestDependencies(InferDependenciesRequest[TestInferenceFieldSet]):
    infer_from = TestInferenceFieldSet


@rule
def infer_test_dependencies(request: InferTestDependencies) -> InferredDependencies:
    return InferredDependencies([library_file(sources.VALIDATION_MAIN)])


@dataclass(frozen=True)
class IndexInferenceFieldSet(FieldSet):
    required_fields = (IndexProgramsField,)

    programs: IndexProgramsField
    licenses: IndexLicensesField
    toolchains: IndexToolchainsField


class InferIndexDependencies(InferDependenciesRequest[IndexInferenceFieldSet]):
    infer_from = IndexInferenceFieldSet


@rule
async def infer_index_dependencies(
    request: InferIndexDependencies, all_tests: AllProgramTests
) -> InferredDependencies:
    field_set = request.field_set
    selected = await Get(
        SelectedPrograms,
        SelectProgramsRequest(
            field_set.address,
            field_set.programs.value or (),
            field_set.licenses.value,
            field_set.toolchains.value,
        ),
    )
    tests = (all_tests.find(program) for program in selected.programs)
    return InferredDependencies(
        [
            *selected.programs,
            *(test.address for test in tests if test is not None),
            library_file(sources.INDEX_MAIN),
        ]
    )


@dataclass(frozen=True)
class TreeInferenceFieldSet(FieldSet):
    required_fields = (TreeIndexField, TreeProvenanceResolveField)

    resolve: TreeProvenanceResolveField


class InferTreeDependencies(InferDependenciesRequest[TreeInferenceFieldSet]):
    infer_from = TreeInferenceFieldSet


@rule
def infer_tree_dependencies(
    request: InferTreeDependencies, python_setup: PythonSetup
) -> InferredDependencies:
    field_set = request.field_set
    return InferredDependencies(
        [
            library_file(sources.TREE_MAIN),
            lockfile_address(field_set.resolve.value or "", python_setup, field_set.address),
        ]
    )


@dataclass(frozen=True)
class IndexTestInferenceFieldSet(FieldSet):
    required_fields = (CommittedIndexField,)


class InferIndexTestDependencies(InferDependenciesRequest[IndexTestInferenceFieldSet]):
    infer_from = IndexTestInferenceFieldSet


@rule
def infer_index_test_dependencies(request: InferIndexTestDependencies) -> InferredDependencies:
    return InferredDependencies([library_file(sources.COMPARE_MAIN)])


def rules() -> Iterable[Rule | UnionRule]:
    return [
        *collect_rules(),
        UnionRule(InferDependenciesRequest, InferBackendDependencies),
        UnionRule(InferDependenciesRequest, InferProgramDependencies),
        UnionRule(InferDependenciesRequest, InferPhotographsDependencies),
        UnionRule(InferDependenciesRequest, InferTestDependencies),
        UnionRule(InferDependenciesRequest, InferIndexDependencies),
        UnionRule(InferDependenciesRequest, InferTreeDependencies),
        UnionRule(InferDependenciesRequest, InferIndexTestDependencies),
    ]
