"""Read values out of JSON, each only in the form that it may have, and say where one has another."""

from __future__ import annotations

import json
import keyword
import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeGuard, TypeVar

T = TypeVar("T")
Json = dict[str, Any]
"""An object of JSON; one that a reader returns holds only what the reader has checked."""

GREATEST = 2**63 - 1
_TEXT = 20_000
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PART = re.compile(r"(?!__)[A-Za-z0-9_-]+")
# What torch.fx's generated source calls or refers to by name (torch 2.13, torch/fx/graph.py).
_TAKEN = frozenset(keyword.kwlist) | frozenset(
    "self torch math _operator inf nan NoneType device fx_pytree pytree getattr slice".split()
)
_SPECIAL = ("Infinity", "-Infinity", "NaN")


class Misfit(Exception):
    """Something in the file that torch.export does not write.

    Attributes:
        what: what it is.
        runs_code: whether torch could have run code of the file for it.
    """

    def __init__(self, what: str, runs_code: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.runs_code = runs_code
        self._steps: list[str] = []

    def inside(self, step: str) -> Misfit:
        """The same, one level further out: a key, or an index in brackets."""
        self._steps.append(step)
        return self

    @property
    def place(self) -> str:
        """E.g. `models/model.json: graph_module.graph.nodes[3].inputs[0]`."""
        place = ""
        for step in reversed(self._steps):
            between = ": " if place.endswith(".json") else "" if step.startswith("[") else "."
            place += between + step if place else step
        return place


@contextmanager
def inside(step: str) -> Iterator[None]:
    """What does not fit in the block is in this place."""
    try:
        yield
    except Misfit as misfit:
        raise misfit.inside(step) from None


def shown(value: object) -> str:
    """A value of the file for a message: short, and in printable ASCII."""
    if isinstance(value, (dict, list)):
        return f"a {type(value).__name__} of {len(value)}"
    # A number of more digits than Python converts to text would fail here.
    whole = not isinstance(value, int) or value.bit_length() < 200
    text = ascii(value) if whole else "a number of many digits"
    return text if len(text) <= 80 else text[:77] + "..."


def parse_json(content: bytes | str) -> Any:
    """JSON in UTF-8 without duplicate keys and without NaN.

    Raises:
        Misfit: for anything else, also if it is nested too deep.
    """
    try:
        text = content if isinstance(content, str) else content.decode("utf-8")
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except ValueError as error:
        raise Misfit(f"JSON that is not valid ({shown(str(error))})") from None
    except RecursionError:
        raise Misfit("JSON that is nested too deep") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in made if keys.count(key) > 1)
        raise Misfit(f"the key {shown(twice)} twice in one object")
    return made


def _no_constant(name: str) -> float:
    raise Misfit(f"the number {name}, which JSON does not have")


def record(value: object, needed: Iterable[str], optional: Iterable[str] = ()) -> Json:
    """An object that has the needed keys and no others than these and the optional ones."""
    if not isinstance(value, dict):
        raise Misfit(f"{shown(value)} where an object belongs")
    missing = [key for key in needed if key not in value]
    if missing:
        raise Misfit(f"no {missing[0]!r}")
    strange = value.keys() - set(needed) - set(optional)
    if strange:
        raise Misfit(f"the key {shown(min(strange))}, which torch.export does not write")
    return value


def field(values: Json, key: str, read: Callable[[Any], T]) -> T:
    """`read(values[key])`, with the key as part of the place."""
    try:
        return read(values[key])
    except Misfit as misfit:
        raise misfit.inside(key) from None


def each(values: object, read: Callable[[Any], T]) -> list[T]:
    """`read` of each item of a list, with its index as part of the place."""
    if not isinstance(values, list):
        raise Misfit(f"{shown(values)} where a list belongs")
    made: list[T] = []
    try:
        for value in values:
            made.append(read(value))
    except Misfit as misfit:
        raise misfit.inside(f"[{len(made)}]") from None
    return made


def table(values: object, read_key: Callable[[Any], str], read: Callable[[Any], T]) -> dict[str, T]:
    """Both sides of an object whose keys are names, with the key as part of the place."""
    if not isinstance(values, dict):
        raise Misfit(f"{shown(values)} where an object belongs")
    made: dict[str, T] = {}
    for key, value in values.items():
        try:
            made[read_key(key)] = read(value)
        except Misfit as misfit:
            raise misfit.inside(f"[{shown(key)}]") from None
    return made


def one_of(value: object) -> tuple[str, Any]:
    """Key and value of an object that has one key: torch's unions."""
    if not isinstance(value, dict) or len(value) != 1:
        raise Misfit(f"{shown(value)} where an object of one key belongs")
    (item,) = value.items()
    return item


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it is a number without a fraction; true and false do not count."""
    return isinstance(value, int) and not isinstance(value, bool)


def integer(value: object, least: int = -GREATEST - 1, greatest: int = GREATEST) -> int:
    if not is_whole(value) or not least <= value <= greatest:
        raise Misfit(f"{shown(value)} where a whole number from {least} to {greatest} belongs")
    return value


def size(value: object) -> int:
    """A whole number that is not negative."""
    return integer(value, 0)


def number(value: object) -> float | str:
    """A float; text for those that JSON does not have, as torch writes them."""
    if isinstance(value, str) and value in _SPECIAL:
        return value
    if isinstance(value, float) or is_whole(value) and abs(value) <= GREATEST:
        made = float(value)
        # JSON may say 1e999.
        return made if math.isfinite(made) else _SPECIAL[0 if made > 0 else 1]
    raise Misfit(f"{shown(value)} where a number belongs")


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Misfit(f"{shown(value)} where true or false belongs")
    return value


def none(value: object) -> bool:
    """True, which is how torch writes an absent value."""
    if value is not True:
        raise Misfit(f"{shown(value)} where true belongs")
    return True


def text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _TEXT:
        raise Misfit(f"{shown(value)} where a text of at most {_TEXT} characters belongs")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise Misfit("a text with half a character")
    return value


def identifier(value: object) -> str:
    """A name that torch writes into Python source: a plain one that hides nothing there."""
    if not isinstance(value, str):
        raise Misfit(f"{shown(value)} where a name belongs")
    if len(value) > 1000 or not _WORD.fullmatch(value) or value in _TAKEN:
        raise Misfit(f"the name {shown(value)}, which would become Python source", True)
    return value


def dotted(value: object) -> str:
    """The path of a parameter: names, or keys of containers, with dots between them."""
    if not isinstance(value, str):
        raise Misfit(f"{shown(value)} where a parameter's name belongs")
    parts = value.split(".")
    if len(value) > 2000 or not all(_PART.fullmatch(part) for part in parts):
        raise Misfit(f"the parameter {shown(value)}, which would become Python source", True)
    taken = [part for part in parts if part in _TAKEN and part in keyword.kwlist]
    if taken:
        raise Misfit(f"the parameter {shown(value)}: {taken[0]} is a word of Python")
    return value
