"""The errors that this plugin raises for what a user can put right."""

from __future__ import annotations


class PteBuildError(Exception):
    """A build that cannot succeed as asked for. The message names the target's address and the remedy."""
