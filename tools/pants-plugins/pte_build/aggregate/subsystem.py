"""The options in `[index]`."""

from __future__ import annotations

from pants.option.option_types import StrOption
from pants.option.subsystem import Subsystem
from pants.util.strutil import softwrap


class IndexSubsystem(Subsystem):
    options_scope = "index"
    help = "What `index.json` says about itself."

    base_url = StrOption(
        default=".",
        help=softwrap(
            """
            The prefix of every download address in the index, without a slash at its end. `.` makes addresses relative
            to the root of the tree.
            """
        ),
    )
    generated = StrOption(
        default="1970-01-01T00:00:00Z",
        help=softwrap(
            """
            The time that the index gives as its own, in RFC 3339 form. It is not the time of the build, so that the
            same inputs give the same bytes.
            """
        ),
    )
