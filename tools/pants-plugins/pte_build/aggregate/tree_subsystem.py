"""The options in `[tree]`."""

from __future__ import annotations

from pants.option.option_types import BoolOption, StrListOption, StrOption
from pants.option.subsystem import Subsystem
from pants.util.strutil import softwrap


class TreeSubsystem(Subsystem):
    options_scope = "tree"
    help = "What a tree says about its origin, and what may be published."

    source_commit = StrOption(
        default=None,
        help=softwrap(
            """
            The git commit that the tree is built from, 40 or 64 hexadecimal digits, for its provenance statement. It is
            not read from git, so that unrelated commits do not change the tree's bytes.
            """
        ),
    )
    builder_id = StrOption(
        default="urn:pte-foundry:local",
        help=softwrap(
            """
            The URI of the builder, for the provenance statement (SLSA's `builder.id`), for example of a CI
            workflow.
            """
        ),
    )
    repositories = StrListOption(
        help=softwrap(
            """
            Where `publish` puts a tree that the command line names and that has no `repositories`, for
            example if only CI knows the destination. See `./pants help model_tree`.
            """
        ),
    )
    allow_unofficial = BoolOption(
        default=False,
        help=softwrap(
            """
            Publish a tree even if some of its programs were built from seeded weights or substitutes. Its index
            and README.md say so.
            """
        ),
    )
    allow_changed = BoolOption(
        default=False,
        help=softwrap(
            """
            Publish a tree even if programs or label files differ from those currently published under the
            same address and ExecuTorch version. The commit message lists them with both hashes.
            """
        ),
    )
    allow_removed = BoolOption(
        default=False,
        help=softwrap(
            """
            Publish a tree even if it lacks programs or label files that are currently published for the same ExecuTorch
            version. Older releases keep them.
            """
        ),
    )
    git_lfs = BoolOption(
        default=False,
        help=softwrap(
            """
            Store `.pte` files of git repositories in Git LFS, which must be installed. A repository has either all
            of them in Git LFS or none.
            """
        ),
    )
    extra_env_vars = StrListOption(
        help=softwrap(
            """
            More environment variables for what publishes a tree, and its git: `NAME` to pass one on, or `NAME=value`.
            Those of ssh, proxies, certificates and git's own configuration are always passed on, and the tokens of
            GitHub and of the Hugging Face Hub if the tree is published there.
            """
        ),
    )
