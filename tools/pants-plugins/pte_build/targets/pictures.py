"""Targets of pictures: `photograph_set`, pinned pictures from a locked package, and `calibration_set`."""

from __future__ import annotations

from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    DictStringToStringField,
    MultipleSourcesField,
    SpecialCasedDependencies,
    StringField,
    Target,
)
from pants.util.strutil import help_text

from pte_build.targets.samples import SampleSet


class PhotographsDependenciesField(Dependencies):
    pass


class PhotographsResolveField(StringField):
    alias = "resolve"
    required = True
    help = "The entry of `[python].resolves` whose packages ship the photographs. None of them is imported."


class PhotographsFilesField(DictStringToStringField):
    alias = "files"
    required = True
    help = help_text(
        """
        Path of a file below `site-packages` to its SHA-256, for example
        `{"skimage/data/coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7"}`. File names
        must be unique, since tests refer to a photograph by its name.
        """
    )


class PhotographSet(Target):
    alias = "photograph_set"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        PhotographsDependenciesField,
        PhotographsResolveField,
        PhotographsFilesField,
    )
    help = (
        "Photographs that a locked package ships, each pinned by hash: real inputs for validation."
    )


_EXTENSIONS = (".bmp", ".jpeg", ".jpg", ".png", ".webp")


class CalibrationDependenciesField(Dependencies):
    pass


class CalibrationPhotographsField(SpecialCasedDependencies):
    alias = "photographs"
    help = f"`{PhotographSet.alias}` targets whose pictures belong to the set."


class CalibrationSourcesField(MultipleSourcesField):
    # Cameras write their extensions in capitals.
    expected_file_extensions = (*_EXTENSIONS, *(extension.upper() for extension in _EXTENSIONS))
    uses_source_roots = False
    help = help_text(
        """
        Pictures of this repository: globs relative to the folder of the BUILD file, for example
        `["pictures/**/*.jpg"]`. Pants does not see files that git ignores.
        """
    )


class CalibrationSamplesField(SpecialCasedDependencies):
    alias = "samples"
    help = f"`{SampleSet.alias}` targets, in the place of pictures: for a model that takes none."


class CalibrationSet(Target):
    alias = "calibration_set"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        CalibrationDependenciesField,
        CalibrationPhotographsField,
        CalibrationSourcesField,
        CalibrationSamplesField,
    )
    help = help_text(
        f"""
        The pictures that quantized programs are calibrated on: `{CalibrationPhotographsField.alias}` and
        `{CalibrationSourcesField.alias}` together. They are decoded and prepared like the inputs of the model's family.
        Or, of a model that takes no pictures, its own inputs: `{CalibrationSamplesField.alias}`.

        For your own model, use pictures like those it will see: put them into a folder below this BUILD file and
        name it in `{CalibrationSourcesField.alias}`. File names must be unique across folders, because the pictures
        are used in the order of their names. Their content and names are inputs of every program that names the
        set in `calibration`, and of no other.
        """
    )
