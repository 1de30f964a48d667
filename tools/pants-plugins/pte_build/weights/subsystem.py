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
        Where the values of the models' weights come from. Every report and index entry says which of `official`,
        `substitute` and `seeded` it was.
        """
    )

    source = EnumOption(
        default=WeightsSource.OFFICIAL,
        help=softwrap(
            """
            `official`: the pinned checkpoints. `seeded`: a deterministic initialisation that needs no checkpoint and no
            network; what it builds has every property of the real artifact except sensible predictions.

            The build never changes from one to the other by itself.
            """
        ),
    )
    distdirs = StrListOption(
        help=softwrap(
            """
            Folders that are searched for checkpoints before any URL is tried. A file matches by SHA-256 and size
            alone, whatever its name. Relative paths start at the repository's root.
            """
        ),
    )
    substitutes = StrOption(
        default=None,
        help=softwrap(
            """
            A JSON file with checkpoints that take the place of pinned ones: a map from the address of a
            `model_weights` target to `{"file", "sha256", "size", "description"}`, where `file` is relative to the JSON
            file's folder. They win over `source` for the addresses that they name. For fine-tuned and stand-in weights.
            The path is relative to the repository's root.
            """
        ),
    )
