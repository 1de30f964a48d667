"""The `model_index` target: `index.json` over a list of programs; and `model_index_test`, of committed ones."""

from __future__ import annotations

from pants.core.goals.package import OutputPathField
from pants.engine.fs import GlobMatchErrorBehavior
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    MultipleSourcesField,
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


class IndexToolchainsField(StringSequenceField):
    alias = "only_toolchains"
    help = help_text(
        """
        Folders of BUILD files with backends, e.g. `["//toolchains"]`: include only programs whose backend is declared
        in one of them, and not in a folder below. Default: all. An index has one ExecuTorch version, so programs of
        another version's toolchains need another index. Excluded programs are not listed as unavailable either.
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
        IndexToolchainsField,
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
    help = f"The addresses of each `{ModelIndex.alias}` that a committed file was built from."


class CommittedIndexField(MultipleSourcesField):
    alias = "sources"
    default = ("index.json", "index_*.json")
    uses_source_roots = False
    # Without one, in a repository that has not committed it yet, the test says how to make it.
    default_glob_match_error_behavior = GlobMatchErrorBehavior.ignore
    help = help_text(
        f"""
        The committed files, beside this BUILD file. Each has the name that its `{ModelIndex.alias}` has in `dist/`: the
        last part of its `{IndexOutputPathField.alias}`.
        """
    )


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
        The test of committed indexes: builds and validates the programs of `{IndexTestIndexField.alias}` from seeded
        weights, without SDKs, whatever the options, and compares their indexes with
        `{CommittedIndexField.alias}` byte for byte. It passes on every machine that reproduces what was committed;
        otherwise it says which artifacts differ and how. `./foundry update-index` rewrites the files.
        """
    )
