"""What a model answers, read from a program's report: the kinds of answers whose accuracy can be measured."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pte_foundry.errors import PteError
from pte_foundry.records.facts import Tensor
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.report import Report
from pte_foundry.tree.pages.detection import read_detection

CLASSIFY, DETECT, POSE, EMBED = "classification", "detection", "key points", "embedding"
KINDS = (CLASSIFY, DETECT, POSE, EMBED)

_ONE_CELL = "an object has one cell"
_SQUASH = re.compile(r"to \d+x\d+ whatever the aspect ratio")


@dataclass(frozen=True)
class Task:
    """Attributes:
    kind: one of `KINDS`.
    classes: of a classifier or detector; 0 of an embedding.
    points, numbers: key points of an object, and the numbers of each (x, y, perhaps a visibility).
    letterbox: whether a detector's picture is scaled by one factor and centred; else it fills the input.
    suppress: whether boxes of one object have to be suppressed.
    """

    kind: str
    classes: int = 0
    points: int = 0
    numbers: int = 2
    letterbox: bool = False
    suppress: bool = True

    @staticmethod
    def read(fields: Fields) -> Task:
        """What `to_json` made. Raises PteError `bad-request` for anything else."""
        kind = fields.text("kind")
        if kind not in KINDS:
            raise fields.error("kind", f"is {kind!r}, not one of {', '.join(KINDS)}")
        return Task(
            kind,
            fields.count("classes"),
            fields.count("points"),
            fields.count("numbers"),
            fields.flag("letterbox"),
            fields.flag("suppress"),
        )

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def read_task(report: Report, labels: int | None) -> Task:
    """How to read the first output of a program that takes one picture.

    Args:
        labels: lines of the model's label file; None without one.

    Raises:
        PteError: `not-evaluable` saying what is unknown here.
    """
    output = report.outputs[0]
    normalisation = _picture(report)
    detection = read_detection(
        output.dtype, output.shape, str(output.description.get("description") or "")
    )
    if detection is not None:
        letterbox = _letterboxed(report, normalisation)
        if labels != detection.classes:
            raise _unknown(
                report,
                f"it has {detection.classes} classes, but {labels or 'no'} labels. Correct its `labels`",
            )
        one_cell = _ONE_CELL in str(output.description.get("description"))
        kind = POSE if detection.points else DETECT
        return Task(
            kind,
            detection.classes,
            detection.points,
            detection.numbers,
            letterbox,
            suppress=not one_cell,
        )
    if labels is not None and output.shape == (1, labels):
        return Task(CLASSIFY, labels)
    if labels is None and len(output.shape) in (2, 3) and output.shape[0] == 1:
        return Task(EMBED)
    raise _unknown(
        report,
        f"its output `{output.name}` of shape {list(output.shape)} is neither a score for each of its "
        f"{labels or 'missing'} labels, nor boxes in the form of the YOLO models, nor an embedding. Declare its "
        "`labels`",
    )


def _picture(report: Report) -> Mapping[str, object]:
    picture: Tensor = report.inputs[0]
    normalisation = picture.description.get("normalisation")
    if len(report.inputs) != 1 or not isinstance(normalisation, Mapping):
        raise _unknown(report, "it does not take one picture")
    return normalisation


def _letterboxed(report: Report, normalisation: Mapping[str, object]) -> bool:
    resize = str(normalisation.get("resize"))
    if resize.startswith("letterbox"):
        return True
    if _SQUASH.match(resize):
        return False
    raise _unknown(
        report,
        f"its picture is resized in a way that is not known here ({resize}), so boxes cannot be scaled back",
    )


def _unknown(report: Report, why: str) -> PteError:
    return PteError("not-evaluable", f"{report.declared.address}: {why}")
