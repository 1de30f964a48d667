"""Fields of a JSON object that somebody else wrote, and perhaps by hand: nothing unknown, nothing without a limit."""

from __future__ import annotations

import difflib
import re
from datetime import date

from pte_foundry.records.json_fields import Fields
from pte_foundry.records.outside_text import plain, shown

LONGEST_NAME = 120
"""Characters of a name or version."""
LARGEST_NUMBER = 1e12
"""As milliseconds, 30 years."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def only(fields: Fields, *names: str) -> None:
    """Refuse fields of any other name, and say which one was probably meant."""
    for name in fields.values:
        if name in names:
            continue
        near = difflib.get_close_matches(name[:LONGEST_NAME], names, n=1)
        listed = ", ".join(f"`{each}`" for each in names)
        raise fields.error(
            plain(name, LONGEST_NAME),
            f"is no field of a result{f'; `{near[0]}` is' if near else f'. There are {listed}'}",
        )


def words(fields: Fields, name: str, longest: int = LONGEST_NAME) -> str:
    """One line of text that says something."""
    text = fields.text(name)
    if len(text) > longest:
        raise fields.error(name, f"has {len(text)} characters: give at most {longest}")
    if not text.isprintable():
        raise fields.error(
            name, f"is {ascii(text)[:200]}: leave out line breaks and what does not print"
        )
    if not any(character.isalnum() for character in text):
        raise fields.error(name, f"is {shown(text)}, which names nothing")
    return text


def number(fields: Fields, name: str, *, above_zero: bool = False) -> float:
    """From 0, or above it, to `LARGEST_NUMBER`."""
    value = fields.get(name)
    # First: an integer may be too large for a float.
    if isinstance(value, (int, float)) and not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise fields.error(name, f"is {shown(value)}: give at most {LARGEST_NUMBER:g}")
    found = fields.number(name)
    if found < 0 or (above_zero and found == 0):
        least = "a number above 0" if above_zero else "0 or more"
        raise fields.error(name, f"is {shown(value)}, not {least}")
    # Not -0.0.
    return found + 0.0


def share(fields: Fields, name: str) -> float:
    """From 0 to 1."""
    found = number(fields, name)
    if found > 1:
        raise fields.error(name, f"is {shown(fields.get(name))}, not a share between 0 and 1")
    return found


def count(fields: Fields, name: str, most: int) -> int:
    """From 1 to `most`."""
    value = fields.count(name)
    if not 0 < value <= most:
        raise fields.error(name, f"is {shown(value)}: give 1 to {most}")
    return value


def day(fields: Fields, name: str) -> str:
    """A date of the calendar, as ISO 8601 writes it."""
    text = fields.text(name)
    if not _is_day(text):
        raise fields.error(name, f"is {shown(text)}, not a day such as 2026-11-30")
    return text


def _is_day(text: str) -> bool:
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
