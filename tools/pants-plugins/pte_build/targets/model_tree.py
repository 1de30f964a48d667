"""The `model_tree` target: the tree that an app takes as a git submodule."""

from __future__ import annotations

from pants.core.goals.package import OutputPathField
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    DictStringToStringField,
    MultipleSourcesField,
    SecondaryOwnerMixin,
    SpecialCasedDependencies,
    StringField,
    StringSequenceField,
    Target,
)
from pants.source.filespec import Filespec
from pants.util.strutil import help_text

from pte_build.targets.model_index import ModelIndex


class TreeDependenciesField(Dependencies):
    pass


class TreeIndexField(SpecialCasedDependencies):
    alias = "index"
    required = True
    help = help_text(
        f"""
        The addresses of each `{ModelIndex.alias}` whose programs the tree holds: one for each ExecuTorch version, the
        latest version's first.
        """
    )


class TreeLicensesField(DictStringToStringField):
    alias = "licenses"
    required = True
    help = help_text(
        """
        SPDX identifier to the file with that licence's text, relative to the repository's root. Those that the tree's
        programs use go into its `LICENSES/` folder; a program whose licence is not listed is an error.
        """
    )


class TreeModelCardsField(MultipleSourcesField):
    alias = "model_cards"
    required = True
    uses_source_roots = False
    help = help_text(
        """
        The model cards, called `README.md`, each in the folder of its family's BUILD file, for example
        `["models/*/README.md"]`. The tree includes those of its families.
        """
    )


class TreeLatenciesField(StringSequenceField):
    alias = "latencies"
    help = help_text(
        """
        Files with measured latencies, from the repository's root, as `./foundry bench latency int8 --json
        FILE` writes them. The model pages show them with the machine they were measured on, and mark programs
        without one as not measured. Two files with different times of the same program are an error.
        """
    )


class TreeDeviceResultsField(StringSequenceField, SecondaryOwnerMixin):
    alias = "device_results"
    help = help_text(
        """
        Files of what devices measured, from the repository's root, as `./foundry record` writes them, for example
        `["models/**/device_results/*.json"]`. The model pages show them for programs with the same hash. A pattern with
        `*` may match nothing; a file that is named as it is must exist.
        """
    )

    @property
    def filespec(self) -> Filespec:
        """So that `--changed-since` finds the tree."""
        return {"includes": list(self.value or ())}


class TreeProvenanceResolveField(StringField):
    alias = "provenance_resolve"
    default = "provenance"
    help = help_text(
        """
        The entry of `[python].resolves` with the packages that write the tree's provenance statement, its bill of
        materials and its pages.
        """
    )


class TreeOutputPathField(OutputPathField):
    default = "tree"
    help = "The folder below `dist/` that holds the tree."


class TreeRepositoriesField(StringSequenceField):
    alias = "repositories"
    help = help_text(
        """
        Where `./pants publish` puts the tree, in this order:

        `file:FOLDER`: a folder of releases, created if its parent exists. Each release is a folder in it, and the
        symlink `current` moves to the new one.

        `github:OWNER/NAME`: the releases of a repository on GitHub. Each release is one there, with every file as an
        asset. It needs `GITHUB_TOKEN`.

        `hf:OWNER/NAME`: a model repository on the Hugging Face Hub. Each release is a commit on `main` and a tag. It
        needs `HF_TOKEN`, or the token of `hf auth login`.

        `git+ssh://git@host/path.git#branch=main`, `git+https://host/path.git#branch=main`,
        `git+file:PATH#branch=main`: a branch of a git repository. Each release is a commit on it and a tag. `PATH` may
        also be a checkout, such as a submodule: its remote `origin` gets the release, and the checkout is updated.
        `&folder=assets/models` puts the tree into that folder of the repository.

        Relative paths start at the repository's root. Credentials do not belong here: configure them in git,
        or set the variable.
        """
    )


class ModelTree(Target):
    alias = "model_tree"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        TreeDependenciesField,
        TreeIndexField,
        TreeLicensesField,
        TreeModelCardsField,
        TreeLatenciesField,
        TreeDeviceResultsField,
        TreeProvenanceResolveField,
        TreeRepositoriesField,
        TreeOutputPathField,
    )
    help = help_text(
        """
        A tree of validated programs, ready to commit as a git submodule of an app: `versions.json`, `index.json`,
        `<ExecuTorch version>/<family>/*.pte` with label files and model cards, `LICENSES/`, `README.md`,
        `index.schema.json`, `bom.cdx.json`, `provenance.intoto.json` and `SHA256SUMS`; for people, `index.html`
        with a page for each model. `./pants package //:tree` writes it to `dist/tree/`, `./pants publish //:tree`
        publishes it to its `repositories`.
        """
    )
