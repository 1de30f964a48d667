"""The `photograph_set` target: pinned pictures out of a locked package."""

from __future__ import annotations

from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    DictStringToStringField,
    StringField,
    Target,
)
from pants.util.strutil import help_text


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
