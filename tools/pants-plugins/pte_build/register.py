"""Entry point of the plugin: target types and rules."""

from __future__ import annotations

from pte_build import inference
from pte_build.aggregate import index, selection, tree
from pte_build.program import declaration, export, package, report, sources
from pte_build.targets.model_index import ModelIndex
from pte_build.targets.model_tree import ModelTree
from pte_build.targets.model_weights import ModelWeights
from pte_build.targets.photograph_set import PhotographSet
from pte_build.targets.pte_backend import PteBackend
from pte_build.targets.pte_program import PteProgram
from pte_build.targets.pte_test_target import PteTest
from pte_build.toolchain import interpreter, toolchain
from pte_build.validation import checks, photographs, goal, validate
from pte_build.weights import fetching, lazy, resolution, substitutes


def target_types():  # type: ignore[no-untyped-def]
    return [ModelWeights, PteBackend, PteProgram, PhotographSet, PteTest, ModelIndex, ModelTree]


def rules():  # type: ignore[no-untyped-def]
    modules = (
        checks, declaration, export, fetching, index, inference, interpreter, lazy, package, photographs, report,
        resolution, selection, sources, substitutes, goal, toolchain, tree, validate,
    )  # fmt: skip
    return [rule for module in modules for rule in module.rules()]
