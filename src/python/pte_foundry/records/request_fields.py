"""Typed access to the fields of a JSON request; every function raises PteError `bad-request`."""

from __future__ import annotations

from collections.abc import Mapping

from pte_foundry.errors import PteError


def bad_request(where: str, why: str) -> PteError:
    """The error for the field at `where`, a dotted path into the request."""
    return PteError("bad-request", f"{where}: {why}. Correct the request file")


def text(value: object, where: str) -> str:
    """A non-empty string."""
    if not isinstance(value, str) or not value:
        raise bad_request(where, f"expected a non-empty string, found {value!r}")
    return value


def text_list(value: object, where: str) -> tuple[str, ...]:
    """A list of non-empty strings."""
    if not isinstance(value, list):
        raise bad_request(where, f"expected a list, found {type(value).__name__}")
    return tuple(text(item, f"{where}[{index}]") for index, item in enumerate(value))


def text_map(value: object, where: str) -> Mapping[str, str]:
    """An object whose values are non-empty strings."""
    return {key: text(item, f"{where}.{key}") for key, item in json_object(value, where).items()}


def json_object(
    value: object,
    where: str,
    keys: frozenset[str] | None = None,
    optional: frozenset[str] = frozenset(),
) -> Mapping[str, object]:
    """An object with exactly `keys`, of which `optional` may be absent; any keys if None."""
    if not isinstance(value, dict):
        raise bad_request(where, f"expected an object, found {type(value).__name__}")
    if keys is not None:
        missing, unknown = keys - optional - value.keys(), value.keys() - keys
        if missing or unknown:
            raise bad_request(where, f"missing {sorted(missing)}, unknown {sorted(unknown)}")
    return value
