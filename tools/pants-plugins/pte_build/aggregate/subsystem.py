"""The options in `[index]`."""

from __future__ import annotations

from pants.option.option_types import BoolOption, StrOption
from pants.option.subsystem import Subsystem
from pants.util.strutil import softwrap

DEFAULT_BASE_URL = "."
DEFAULT_GENERATED = "1970-01-01T00:00:00Z"


class IndexSubsystem(Subsystem):
    options_scope = "index"
    help = "What goes into `index.json`, and what it says about itself."

    base_url = StrOption(
        default=DEFAULT_BASE_URL,
        help=softwrap(
            """
            The prefix of every download address in the index, without a trailing slash. `.` makes addresses relative
            to the root of the tree.
            """
        ),
    )
    generated = StrOption(
        default=DEFAULT_GENERATED,
        help=softwrap(
            """
            The time stated in the index, in RFC 3339 form. By default it is not the time of the build, so that the
            same inputs give the same bytes.
            """
        ),
    )
    allow_unpinned = BoolOption(
        default=False,
        help=softwrap(
            """
            List a program whose checkpoint has no `sha256` as unavailable, instead of
            failing the whole index. Naming such a program is still an error.
            """
        ),
    )
