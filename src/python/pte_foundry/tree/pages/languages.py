"""Code for apps, in the languages that a page has it in, and how each of them is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import Environment

COMPILED = "Compiled by a test, and run against the Python."
GRAMMAR = "Checked by a grammar, not compiled."


@dataclass(frozen=True)
class Language:
    """`suffix` is that of its files, `checked` a sentence for people."""

    name: str
    suffix: str
    checked: str


LANGUAGES = (
    Language("Python", "py", "Run by tests."),
    Language("Swift", "swift", GRAMMAR),
    Language("Kotlin", "kt", COMPILED),
    Language("Dart", "dart", GRAMMAR),
)


@dataclass(frozen=True)
class Code:
    """`text` is a whole file, `checked` a sentence about it for people."""

    language: str
    text: str
    checked: str


def write_code(templates: Environment, name: str, values: Mapping[str, object]) -> tuple[Code, ...]:
    """The templates `name` in each language, which must all be there."""
    return tuple(
        Code(
            each.name,
            templates.get_template(f"{name}.{each.suffix}.jinja").render(values),
            each.checked,
        )
        for each in LANGUAGES
    )
