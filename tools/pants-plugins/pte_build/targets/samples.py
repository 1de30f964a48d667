"""The target `sample_set`: inputs of a model in files."""

from __future__ import annotations

from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    MultipleSourcesField,
    Target,
)
from pants.util.strutil import help_text

_EXTENSIONS = (".npy", ".npz", ".safetensors")


class SamplesDependenciesField(Dependencies):
    pass


class SamplesSourcesField(MultipleSourcesField):
    required = True
    expected_file_extensions = _EXTENSIONS
    uses_source_roots = False
    help = help_text(
        """
        Files of this repository: globs relative to the folder of the BUILD file, for example
        `["samples/*.npz"]`. Pants does not see files that git ignores.
        """
    )


class SampleSet(Target):
    alias = "sample_set"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        SamplesDependenciesField,
        SamplesSourcesField,
    )
    help = help_text(
        """
        Inputs of a model, one set in each file, as the model takes them: what quantized programs of a model that takes
        no pictures are calibrated and judged on. A `.npy` is the input of a model that has one; a `.npz` or
        `.safetensors` has an array for each input, under its name. They have the declared element types and shapes.
        Nothing in them is unpickled. File names must be unique across folders.
        """
    )
