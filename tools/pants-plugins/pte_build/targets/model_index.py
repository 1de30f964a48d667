"""The `model_index` target: `index.json` over a list of programs; and `model_index_test`, of a committed one."""

from __future__ import annotations

from pants.core.goals.package import OutputPathField
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    SingleSourceField,
    SpecialCasedDependencies,
    StringSequenceField,
    Target,
)
from pants.util.strutil import help_text


class IndexDependenciesField(Dependencies):
    pass


class IndexProgramsField(StringSequenceField):
    alias = "programs"
    required = True
    help = help_text(
        """
        Which programs: addresses, or specs as on the command line, relative to the repository's root, e.g.
        `["models::"]` for all below that folder. Other matching targets are ignored.
        """
    )


class IndexLicensesField(StringSequenceField):
    alias = "only_licenses"
    help = help_text(
        """
        SPDX identifiers: include only programs whose checkpoint has one of these licences. Default: all. For an app
        that cannot use AGPL, for example: `["Apache-2.0", "BSD-3-Clause"]`. Excluded programs are not listed as
        unavailable either.
        """
    )


class IndexOutputPathField(OutputPathField):
    default = "index.json"
    help = "Where the index is written below `dist/`."


class ModelIndex(Target):
    alias = "model_index"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        IndexDependenciesField,
        IndexProgramsField,
        IndexLicensesField,
        IndexOutputPathField,
    )
    help = help_text(
        f"""
        The index of a list of programs (`{IndexProgramsField.alias}`), each with file, SHA-256, size, platforms,
        inputs, outputs, weights, delegation and the verdict of its validation.

        Every program is built and validated first. One failure fails the index. Unavailable programs, such as those
        whose backend needs an SDK that is not set, are listed with the reason. `./pants package //:index` writes
        `dist/index.json`.
        """
    )


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
    # A repository may not have committed one yet: the test says how to make it.
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
