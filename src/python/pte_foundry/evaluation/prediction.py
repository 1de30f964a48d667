"""One picture's answer, as JSON: what has to be kept of an output to measure accuracy later (NumPy only).

Keeping answers, and not outputs, makes results small, and independent of the labels that they are compared with.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pte_foundry.errors import PteError
from pte_foundry.evaluation.detections import decode, to_picture
from pte_foundry.evaluation.task import CLASSIFY, EMBED, Task

VERSION = 1
"""To be raised when the same output gives another answer: what was kept before is then computed again."""
TOP = 5
"""Classes kept of a classifier's answer."""
_BOX_DIGITS, _SCORE_DIGITS = 3, 5  # as in ultralytics' predictions.json


def predict(
    task: Task,
    output: npt.NDArray[np.float32],
    size: tuple[int, int],
    input_size: tuple[int, int],
) -> Any:
    """The answer in the model's first output.

    A classifier's is a list of its best classes. An embedding's is its unit vector, float32 in little-endian order
    and base64; of tokens, [1, tokens, numbers], their mean. A detector's is a list of objects: class, score, left,
    top, width and height in pixels of the picture, then the numbers of its key points.

    Args:
        size: height and width of the picture.
        input_size: height and width of the model's input.

    Raises:
        PteError: `task` for an output of another shape or with numbers that are not finite.
    """
    if task.kind not in (CLASSIFY, EMBED):
        found = to_picture(decode(output, task), task.letterbox, size, input_size)
        corners, sizes = found.boxes[:, :2], found.boxes[:, 2:] - found.boxes[:, :2]
        return [
            [int(label), round(float(score), _SCORE_DIGITS), *_rounded(corner), *_rounded(extent)]
            + _rounded(points.ravel())
            for label, score, corner, extent, points in zip(
                found.classes, found.scores, corners, sizes, found.points
            )
        ]
    if not np.isfinite(output).all():
        raise PteError("task", "the output has numbers that are not finite")
    if task.kind == CLASSIFY:
        if output.shape != (1, task.classes):
            raise PteError(
                "task", f"the output has shape {list(output.shape)}, not [1, {task.classes}]"
            )
        return np.argsort(-output[0], kind="stable")[:TOP].tolist()
    vector = output[0].astype(np.float64)
    if vector.ndim == 2:
        vector = vector.mean(0)
    norm = float(np.linalg.norm(vector))
    if vector.ndim != 1 or norm == 0:
        raise PteError("task", f"the output of shape {list(output.shape)} has no direction")
    return base64.b64encode((vector / norm).astype("<f4").tobytes()).decode()


def embedding(answer: str) -> npt.NDArray[np.float32]:
    """The vector in an answer, float32 [numbers]. Raises ValueError for other text."""
    return np.frombuffer(base64.b64decode(answer, validate=True), "<f4")


def _rounded(numbers: Sequence[float] | npt.NDArray[np.float64]) -> list[float]:
    return [round(float(each), _BOX_DIGITS) for each in numbers]
