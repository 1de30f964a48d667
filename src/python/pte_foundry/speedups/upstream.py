"""What a speed-up replaces in torch and ExecuTorch, and whether it is still what it was written for."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

DIGITS = 16
"""Hexadecimal digits of a digest."""


@dataclass(frozen=True)
class Upstream:
    """A function that a speed-up replaces or relies on.

    Attributes:
        module: dotted name.
        name: of the function in the module; dotted for a method.
        digest: the first `DIGITS` hexadecimal digits of the SHA-256 of its source text.
    """

    module: str
    name: str
    digest: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"

    @property
    def is_imported(self) -> bool:
        return self.module in sys.modules

    def found_digest(self) -> str:
        """Of what is installed; empty without such a function, or without its source text."""
        try:
            value: object = importlib.import_module(self.module)
            for part in self.name.split("."):
                value = getattr(value, part)
            text = inspect.getsource(value)  # type: ignore[arg-type]
        except (ImportError, AttributeError, OSError, TypeError):
            return ""
        return text_digest(text)


def text_digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:DIGITS]


def say_left_out(speedup: str, upstream: object) -> None:
    """One line on stderr: an export without a speed-up is slower, and its bytes are the same."""
    print(
        f"pte-foundry: the speed-up {speedup} is left out: {upstream} is not what it was written for, "
        "see docs/speedups.md",
        file=sys.stderr,
        flush=True,
    )


@contextmanager
def replaced(owner: object, name: str, value: object) -> Iterator[None]:
    """`owner.name` is `value` for the length of the block."""
    before = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
