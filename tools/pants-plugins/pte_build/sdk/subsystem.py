"""The options in `[qnn]`."""

from __future__ import annotations

from pants.option.option_types import StrOption
from pants.option.subsystem import Subsystem
from pants.util.strutil import softwrap


class QnnSubsystem(Subsystem):
    options_scope = "qnn"
    help = "Qualcomm AI Engine Direct (QNN): the compiler for the Hexagon processors of Qualcomm's chips."

    sdk_root = StrOption(
        default=None,
        help=softwrap(
            """
            The folder of an installed Qualcomm AI Engine Direct SDK: the one that has `sdk.yaml` and
            `lib/x86_64-linux-clang`. A relative path starts at the repository's root. Programs depend on the content of
            the SDK's libraries, not on the folder's path.

            If unset, programs of backends with `sdk="qnn"` are unavailable: `./pants package ::`,
            `./pants test ::` and indexes say so and go on; naming one is an error. Nothing is
            downloaded.
            """
        ),
    )
