"""Turn the operating system's refusals into messages."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from pte_foundry.errors import PteError


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Raise a PteError for an OSError in the `with` block: `disk-full` or `cannot-write`.

    Args:
        what: what is being written, with its place.
    """
    try:
        yield
    except OSError as error:
        about = f"{what}: {error.strerror or error}" + (
            f": {error.filename}" if error.filename else ""
        )
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise PteError(
                "disk-full",
                f"{about}. What was published before is untouched: make room, try again",
            ) from error
        raise PteError(
            "cannot-write",
            f"{about}. What was published before is untouched: put this right, and try again",
        ) from error
