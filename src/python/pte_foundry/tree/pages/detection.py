"""How a detector's output becomes boxes, read from the words of a report's output, as code for apps.

Builders describe outputs in words for people. The form that all detectors here share becomes code; of others a page has
only the words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment

from pte_foundry.tree.pages.languages import Code, write_code

_FORM = re.compile(
    r"for each of \d+ (?:cells|anchors)\b.*: centre x, centre y, width and height of the box in pixels of the "
    r"\d+x\d+ input, then one score within 0 and 1 for each line of \w*labels\.txt(?P<more>, then .*)?(?:\.|$)"
)
_POINTS = re.compile(
    r", then for each of (?:COCO's )?(?P<points>\d+) key points x and y in pixels of the input"
    r"(?P<visible>, and how visible it is within 0 and 1)?(?:\.|:|$)"
)
_BOX = 4
_LARGEST = 1 << 20


@dataclass(frozen=True)
class Detection:
    """An output float32 [1, 4 + classes + points * numbers, cells].

    Attributes:
        points: key points of a cell; 0 if it has none.
        numbers: of each: x, y and, if there is a third one, how visible it is.
    """

    classes: int
    cells: int
    points: int = 0
    numbers: int = 2

    @property
    def rows(self) -> int:
        return _BOX + self.classes + self.points * self.numbers


def read_detection(dtype: str, shape: Sequence[int], description: str) -> Detection | None:
    """None for an output of another form."""
    form = _FORM.match(description)
    if dtype != "float32" or len(shape) != 3 or shape[0] != 1 or form is None:
        return None
    points, numbers = 0, 2
    if form["more"]:
        match = _POINTS.match(form["more"])
        if match is None:
            return None
        points, numbers = int(match["points"]), 3 if match["visible"] else 2
    classes, cells = shape[1] - _BOX - points * numbers, shape[2]
    if not (0 < classes <= _LARGEST and 0 < cells <= _LARGEST):
        return None
    return Detection(classes, cells, points, numbers)


def detection_code(templates: Environment, detection: Detection) -> tuple[Code, ...]:
    """The same function `detections` in each language.

    It takes the output as the runtime gives it, by rows, and returns boxes in pixels of the input by descending score,
    after non-maximum suppression class by class, each with its key points if there are any. Only numbers get into the
    templates, never a text of the report.
    """
    values = {**vars(detection), "first": _BOX + detection.classes, "rows": detection.rows}
    return write_code(templates, "detections", values)
