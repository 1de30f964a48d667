"""The options in `[tree]`."""

from __future__ import annotations

from pants.option.option_types import BoolOption, StrListOption, StrOption
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
    repositories = StrListOption(
        help=softwrap(
            """
            Where `publish` brings a tree that the command line names and that has no `repositories` of its own, for
            example in CI, which knows the place when the repository does not. See `./pants help model_tree`.
            """
        ),
    )
    allow_unofficial = BoolOption(
        default=False,
        help=softwrap(
            """
            Publish a tree although some of its programs were built from seeded weights or from substitutes. Its index
            and its README.md say so.
            """
        ),
    )
    allow_changed = BoolOption(
        default=False,
        help=softwrap(
            """
            Publish a tree although programs or label files have other bytes than those that are published now under the
            same address and ExecuTorch version. The commit message lists them with both hashes.
            """
        ),
    )
    allow_removed = BoolOption(
        default=False,
        help=softwrap(
            """
            Publish a tree although it lacks programs or label files that are published now for the same ExecuTorch
            version. Older releases keep them.
            """
        ),
    )
    git_lfs = BoolOption(
        default=False,
        help=softwrap(
            """
            Publish `.pte` files to git repositories by Git LFS, which has to be installed. A repository has either all
            of them in Git LFS or none.
            """
        ),
    )
    extra_env_vars = StrListOption(
        help=softwrap(
            """
            Further environment variables for git when a tree is published, as `NAME` to hand one on or as `NAME=value`.
            Those of ssh, of proxies, of certificates and of git's own configuration are handed on anyway.
            """
        ),
    )
