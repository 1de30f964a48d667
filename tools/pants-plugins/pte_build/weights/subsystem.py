"""The options in `[weights]`."""

from __future__ import annotations

from enum import Enum

from pants.option.option_types import EnumOption, StrListOption, StrOption
from pants.option.subsystem import Subsystem
from pants.util.strutil import softwrap


class WeightsSource(Enum):
    """Where the values in a program come from, if no substitute is named for its checkpoint."""

    OFFICIAL = "official"
    SEEDED = "seeded"


class WeightsSubsystem(Subsystem):
    options_scope = "weights"
    help = softwrap(
        """
        Where the models' weights come from. Every report and index entry says which it was: `official`,
        `substitute` or `seeded`.
        """
    )

    source = EnumOption(
        default=WeightsSource.OFFICIAL,
        help=softwrap(
            """
            `official`: the pinned checkpoints. `seeded`: a deterministic initialisation that needs no checkpoint and no
            network; the result has every property of the real artifact except sensible predictions.

            The build never switches by itself.
            """
        ),
    )
    distdirs = StrListOption(
        help=softwrap(
            """
            Folders to search for checkpoints before any URL is tried. Files match by SHA-256 and size,
            whatever their name. Relative paths start at the repository's root.
            """
        ),
    )
    substitutes = StrOption(
        default=None,
        help=softwrap(
            """
            A JSON file with checkpoints that replace pinned ones, such as fine-tuned weights: a map from the address of
            a `model_weights` target to `{"file", "sha256", "size", "description"}`, where `file` is relative to the
            JSON file's folder. They override `source` for the addresses they name. The path is relative to the
            repository's root.
            """
        ),
    )
