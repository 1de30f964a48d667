"""One place that turns what reading a damaged or hostile file raises into `bad-checkpoint`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pte_foundry.errors import PteError

_UNPICKLER_REASON = re.compile(r"WeightsUnpickler error:\s*(.+)")
_TRUNCATED = "It may be truncated: fetch it again and compare its SHA-256"


class Unfit(ValueError):
    """An undamaged file that cannot be used; the message ends with its own advice."""


@contextmanager
def refusing(
    file: str, what: str = "is no readable checkpoint", do: str = _TRUNCATED
) -> Iterator[None]:
    """Raise `bad-checkpoint` for whatever the block raises.

    torch, zipfile, zlib, lzma, pickle and safetensors raise a dozen types between them, and a file can bring
    about RecursionError, MemoryError and OverflowError; inside of such a block none of them is a fault of
    this program.

    Args:
        file: name of the checkpoint, for the message.
        do: the advice that ends the message, except for `Unfit`.

    Raises:
        PteError: `bad-checkpoint`; a PteError of the block itself is left as it is.
    """
    try:
        yield
    except PteError:
        raise
    except Unfit as error:
        raise PteError("bad-checkpoint", f"{file} {what}: {error}") from error
    except Exception as error:
        raise PteError("bad-checkpoint", f"{file} {what}: {_reason(error)}. {do}") from error


def shown(text: object, most: int = 80) -> str:
    """Text of a file for a message: no control characters, at most `most` characters."""
    plain = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in str(text)[: most + 1])
    return plain if len(plain) <= most else f"{plain[:most]}..."


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply, or holds itself"
    if isinstance(error, MemoryError):
        return "it asks for more memory than there is"
    # torch puts a paragraph of general advice before the reason.
    unpickler = _UNPICKLER_REASON.search(str(error))
    lines = str(error).strip().splitlines()
    reason = unpickler[1] if unpickler else lines[0] if lines else type(error).__name__
    return shown(reason.rstrip("."), 200)
