"""The options in `[tree]`."""

from __future__ import annotations

from pants.option.option_types import StrOption
from pants.option.subsystem import Subsystem
from pants.util.strutil import softwrap


class TreeSubsystem(Subsystem):
    options_scope = "tree"
    help = "What a tree says about where it comes from, and what may be published."

    source_commit = StrOption(
        default=None,
        help=softwrap(
            """
            The git commit that the tree is built from, 40 or 64 hexadecimal digits, for its provenance statement. Not
            asked of git: a tree that says nothing has the same bytes whatever is committed beside it.
            """
        ),
    )
    builder_id = StrOption(
        default="urn:pte-foundry:local",
        help=softwrap(
            """
            The URI of what runs the build, for the provenance statement (SLSA's `builder.id`), for example that of a CI
            workflow.
            """
        ),
    )
