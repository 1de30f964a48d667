"""How a detector's output becomes boxes, read from the words of a report's output, as code for apps.

Builders describe outputs in words for people. The form that all detectors here share becomes code; of others a page has
only the words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment

from pte_foundry.tree.pages.preparation import Code

_FORM = re.compile(
    r"for each of \d+ (?:cells|anchors)\b.*: centre x, centre y, width and height of the box in pixels of the "
    r"\d+x\d+ input, then one score within 0 and 1 for each line of labels\.txt\b"
)
_BOX = 4
_LARGEST = 1 << 20
_TEMPLATES = {
    "Python": "detections.py.jinja",
    "Swift": "detections.swift.jinja",
    "Kotlin": "detections.kt.jinja",
    "Dart": "detections.dart.jinja",
}


@dataclass(frozen=True)
class Detection:
    """An output float32 [1, 4 + classes, cells]."""

    classes: int
    cells: int


def read_detection(dtype: str, shape: Sequence[int], description: str) -> Detection | None:
    """None for an output of another form."""
    if dtype != "float32" or len(shape) != 3 or shape[0] != 1 or not _FORM.match(description):
        return None
    classes, cells = shape[1] - _BOX, shape[2]
    if not (0 < classes <= _LARGEST and 0 < cells <= _LARGEST):
        return None
    return Detection(classes, cells)


def detection_code(templates: Environment, detection: Detection) -> tuple[Code, ...]:
    """The same function `detections` in each language.

    It takes the output as the runtime gives it, by rows, and returns boxes in pixels of the input by descending score,
    after non-maximum suppression class by class. Only numbers get into the templates, never a text of the report.
    """
    values = {
        "classes": detection.classes,
        "cells": detection.cells,
        "rows": _BOX + detection.classes,
    }
    return tuple(
        Code(language, templates.get_template(name).render(values))
        for language, name in _TEMPLATES.items()
    )
