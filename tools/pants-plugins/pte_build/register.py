"""Entry point of the plugin: target types and rules."""

from __future__ import annotations

from collections.abc import Iterable

from pants.engine.rules import Rule
from pants.engine.target import Target
from pants.engine.unions import UnionRule

from pte_build import addresses, command_line, inference, sources
from pte_build.aggregate import (
    committed_index,
    conditions,
    index,
    program_locks,
    selection,
    tree,
)
from pte_build.installed_once import install_once
from pte_build.library import run_main
from pte_build.pictures import calibration, photographs, samples
from pte_build.program import (
    availability,
    backend,
    checks,
    declaration,
    export,
    labels,
    output_paths,
    package,
    report,
)
from pte_build.progress import callback
from pte_build.publishing import publish
from pte_build.remote_runs import canary, place, run
from pte_build.result_cache import toolchain_run
from pte_build.sdk import files
from pte_build.targets.model_index import ModelIndex, ModelIndexTest
from pte_build.targets.model_tree import ModelTree
from pte_build.targets.model_weights import ModelWeights
from pte_build.targets.pictures import CalibrationSet, PhotographSet
from pte_build.targets.pte_backend import PteBackend
from pte_build.targets.pte_bundle import PteBundle
from pte_build.targets.pte_program import PteProgram
from pte_build.targets.pte_test_target import PteTest
from pte_build.targets.samples import SampleSet
from pte_build.tiers import python_tests, tier
from pte_build.toolchain import environment, identity, interpreter, locks, toolchain
from pte_build.validation import (
    bundle,
    goal,
    inputs,
    outcome,
    validate,
)
from pte_build.weights import downloading, fetching, presence, resolution, sizes, substitutes

install_once()


def target_types() -> Iterable[type[Target]]:
    return [
        CalibrationSet,
        ModelIndex,
        ModelIndexTest,
        ModelTree,
        ModelWeights,
        PhotographSet,
        PteBackend,
        PteBundle,
        PteProgram,
        PteTest,
        SampleSet,
    ]


def rules() -> Iterable[Rule | UnionRule]:
    modules = (
        addresses, availability, backend, bundle, calibration, callback, canary, checks, command_line,
        committed_index, conditions, declaration, downloading, environment, export, fetching, files, goal, identity,
        index, inference, inputs, interpreter, labels, locks, outcome, output_paths, package, photographs, place,
        presence, program_locks, publish, python_tests, report, resolution, run, run_main, samples, selection,
        sizes, sources, substitutes, tier, toolchain, toolchain_run, tree, validate,
    )  # fmt: skip
    return [rule for module in modules for rule in module.rules()]
