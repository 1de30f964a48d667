"""Options arrive as text from BUILD files: what every backend does to read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pte_foundry.errors import PteError


def choose(backend: str, options: Mapping[str, str], name: str, allowed: Sequence[str]) -> str:
    """The value of the option `name`; the first of `allowed` if it is not given.

    Raises:
        PteError: `bad-option` for any other value, naming those that are allowed.
    """
    value = options.get(name, allowed[0])
    if value not in allowed:
        raise bad_value(backend, name, value, f"one of {', '.join(allowed)}")
    return value


def bad_value(backend: str, name: str, value: str, expected: str) -> PteError:
    """The error for an option whose value is not `expected`."""
    return PteError(
        "bad-option",
        f"{backend}: the option {name} is {value!r}; it must be {expected}. Correct `options`",
    )
