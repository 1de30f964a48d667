"""The error that this plugin raises for whatever a user can fix."""

from __future__ import annotations


class PteBuildError(Exception):
    """A build that cannot succeed as requested. The message names the target's address and the remedy."""
