"""Mean average precision with pycocotools, whose numbers those of COCO's papers are."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pte_foundry.evaluation.annotations import Annotations
from pte_foundry.evaluation.task import POSE, Task

MAP, MAP50 = "mAP50-95", "mAP50"
_COCO_POINTS = 17


def mean_average_precision(
    annotations: Annotations, answers: Sequence[Sequence[Sequence[float]]], task: Task
) -> dict[str, float]:
    """`mAP50-95` and `mAP50` of boxes; of poses also those of key points, as `pose mAP50-95` and `pose mAP50`.

    Args:
        answers: of each picture, in the order of the annotations' pictures, see `prediction.predict`.
    """
    # Here, because only a detector needs it.
    from pycocotools.coco import COCO  # type: ignore[import-untyped]

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = annotations.coco(task.points)
        truth.createIndex()
        scores = _scores(truth, _found(answers, task, points=False), "bbox", task)
        if task.kind == POSE:
            of_points = _scores(truth, _found(answers, task, points=True), "keypoints", task)
            scores |= {f"pose {name}": value for name, value in of_points.items()}
    return scores


def _scores(
    truth: Any, found: Sequence[Mapping[str, object]], what: str, task: Task
) -> dict[str, float]:
    from pycocotools.cocoeval import COCOeval  # type: ignore[import-untyped]

    if not found:
        return {MAP: 0.0, MAP50: 0.0}
    evaluator = COCOeval(truth, truth.loadRes(list(found)), what)
    if what == "keypoints" and task.points != _COCO_POINTS:
        # As ultralytics does for points whose spread between people who annotate is not known.
        evaluator.params.kpt_oks_sigmas = np.full(task.points, 1 / task.points)
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    overall, half = (max(float(value), 0.0) for value in evaluator.stats[:2])
    return {MAP: overall, MAP50: half}


def _found(
    answers: Sequence[Sequence[Sequence[float]]], task: Task, points: bool
) -> list[dict[str, object]]:
    """In pycocotools' form: pictures and classes count from 1."""
    found: list[dict[str, object]] = []
    for number, answer in enumerate(answers, start=1):
        for label, score, left, top, width, height, *numbers in answer:
            one: dict[str, object] = {
                "image_id": number,
                "category_id": int(label) + 1,
                "score": score,
            }
            if points:
                one["keypoints"] = _three_numbers(numbers, task.numbers)
            else:
                one["bbox"] = [left, top, width, height]
            found.append(one)
    return found


def _three_numbers(numbers: Sequence[float], each: int) -> list[float]:
    """x, y and a third number of each point, which only files of this form need."""
    if each == 3:
        return list(numbers)
    return [value for at in range(0, len(numbers), 2) for value in (*numbers[at : at + 2], 1.0)]
