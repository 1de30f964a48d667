"""The `model_weights` target: a pinned checkpoint."""

from __future__ import annotations

from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    BoolField,
    IntField,
    StringField,
    StringSequenceField,
    Target,
)
from pants.util.strutil import help_text


class WeightsFileField(StringField):
    alias = "file"
    required = True
    help = help_text(
        """
        The publisher's name of the checkpoint. The builder finds the file under this name; its suffix
        (`.pth`, `.pt`, `.safetensors`) determines how it is read.
        """
    )


class WeightsUrlsField(StringSequenceField):
    alias = "urls"
    default = ()
    help = help_text(
        """
        Where to download the checkpoint (`https:` or `file:`), tried in this order after the folders in
        `[weights].distdirs`.
        """
    )


class WeightsSha256Field(StringField):
    alias = "sha256"
    help = help_text(
        """
        The SHA-256 of the file, 64 lower-case hexadecimal digits. A checkpoint without one is not pinned, and using it
        is an error: `./foundry pin ADDRESS` downloads it once and writes its hash and size here.
        """
    )


class WeightsSizeField(IntField):
    alias = "size"
    help = help_text(
        """
        The length of the file in bytes. May be left out if only the `sha256` is known: a machine then fetches the file
        once to learn it, even where a cache has the results.
        """
    )


class WeightsWholeModelField(BoolField):
    alias = "whole_model"
    default = False
    help = help_text(
        """
        Whether the file is the whole model, such as TorchScript, a `.pt2` or a pickled module, rather than values for
        a builder's structure. There is then no structure to seed: with seeded weights its programs are unavailable.
        """
    )


class WeightsLicenseField(StringField):
    alias = "license"
    required = True
    help = "The SPDX identifier of the checkpoint's licence, e.g. `BSD-3-Clause`."


class WeightsSourcePageField(StringField):
    alias = "source_page"
    help = (
        "The web page that describes the checkpoint: who trained it, on what, with which results."
    )


class ModelWeights(Target):
    alias = "model_weights"
    core_fields = (
        *COMMON_TARGET_FIELDS,
        WeightsFileField,
        WeightsUrlsField,
        WeightsSha256Field,
        WeightsSizeField,
        WeightsWholeModelField,
        WeightsLicenseField,
        WeightsSourcePageField,
    )
    help = help_text(
        f"""
        A pinned checkpoint.

        It is fetched only when an export needs it and no cache has the export's result: from the folders in
        `[weights].distdirs`, then from `{WeightsUrlsField.alias}`. SHA-256 and size are checked before anything reads
        the file.

        `[weights].source = "seeded"` builds without checkpoints; `[weights].substitutes` replaces some of them.
        """
    )
