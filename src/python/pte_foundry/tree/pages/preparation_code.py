"""Code that prepares a picture, for apps: a function of the preparation alone."""

from __future__ import annotations

from dataclasses import dataclass

from jinja2 import Environment

from pte_foundry.tree.pages.preparation import Preparation


@dataclass(frozen=True)
class Code:
    """`language` is for people, `text` a whole file."""

    language: str
    text: str


_TEMPLATES = {
    "Python": "preprocess.py.jinja",
    "Swift": "preprocess.swift.jinja",
    "Kotlin": "preprocess.kt.jinja",
    "Dart": "preprocess.dart.jinja",
}


def preparation_code(templates: Environment, preparation: Preparation) -> tuple[Code, ...]:
    """The same function `preprocess` in each language.

    It takes RGB levels, three bytes a pixel, by rows, and gives float32 [1, 3, side, side]. Only numbers get into the
    templates, never a text of the report.
    """
    values = {
        "kind": preparation.kind,
        "side": preparation.side,
        "shorter": preparation.shorter,
        "border": preparation.border,
        "scale": preparation.scale,
        "mean": [repr(value) for value in preparation.mean],
        "std": [repr(value) for value in preparation.std],
        "blue_first": preparation.blue_first,
        "antialias": preparation.antialias,
    }
    return tuple(
        Code(language, templates.get_template(name).render(values))
        for language, name in _TEMPLATES.items()
    )
