"""The `model_index_test` target: whether the committed index is what the repository builds."""

from __future__ import annotations

from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    SingleSourceField,
    SpecialCasedDependencies,
    Target,
)
from pants.util.strutil import help_text

from pte_build.targets.model_index import ModelIndex


class IndexTestDependenciesField(Dependencies):
    pass


class IndexTestIndexField(SpecialCasedDependencies):
    alias = "index"
    required = True
    help = f"The `{ModelIndex.alias}` that the file was built from, one address."


class CommittedIndexField(SingleSourceField):
    alias = "source"
    required = False
    default = "index.json"
    uses_source_roots = False
    # None, in a repository that has not committed one yet: the test says how to make it.
    expected_num_files = range(0, 2)  # type: ignore[assignment]
    help = "The committed file."


class ModelIndexTest(Target):
    alias = "model_index_test"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        IndexTestDependenciesField,
        IndexTestIndexField,
        CommittedIndexField,
    )
    help = help_text(
        f"""
        The test of a committed index: builds and validates the programs of `{IndexTestIndexField.alias}` from seeded
        weights, without SDKs, whatever the options, and compares their index with
        `{CommittedIndexField.alias}` byte for byte. It passes on every machine that reproduces what was committed;
        otherwise it says which artifacts differ and how. `./foundry update-index` rewrites the file.
        """
    )
