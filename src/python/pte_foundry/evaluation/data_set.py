"""A folder of pictures with what is right for each of them, and how good answers are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pte_foundry.evaluation.annotations import Annotations, read_coco, read_yolo
from pte_foundry.evaluation.class_labels import (
    check_neighbours,
    class_numbers,
    folder_labels,
    table_labels,
)
from pte_foundry.evaluation.coco import mean_average_precision
from pte_foundry.evaluation.metrics import NEIGHBOURS, nearest_neighbours, top_k
from pte_foundry.evaluation.pictures import Picture, bad
from pte_foundry.evaluation.prediction import TOP, embedding
from pte_foundry.evaluation.task import CLASSIFY, EMBED, Task


@dataclass(frozen=True)
class DataSet:
    """Attributes:
    pictures: those that are evaluated.
    truth: the number of the class of each picture, or its label, or what is on all pictures.
    sha256: of the pictures' files and of what is right: another data set has another one.
    left_out: pictures of the folder that the labels do not list.
    """

    name: str
    pictures: tuple[Picture, ...]
    truth: Annotations | Mapping[str, int] | Mapping[str, str]
    sha256: str
    left_out: int


def check_labels(
    folder: Path, names: Sequence[str], labels: Path | None, classes: Sequence[str]
) -> None:
    """What can be known of the labels from the names of the pictures alone: raises as `read_data_set` does."""
    if labels is not None and not labels.exists():
        raise bad(f"{labels}: no such file or folder. Correct --labels")
    if not _annotates(labels):
        _classes_of(folder, names, labels, classes)
    elif not classes:
        raise bad(f"{labels}: boxes are for detectors, and this model has no file of classes")


def read_data_set(
    name: str,
    folder: Path,
    pictures: Sequence[Picture],
    labels: Path | None,
    task: Task | None,
    classes: Sequence[str],
) -> DataSet:
    """Read what is right for each picture, and check it.

    Args:
        pictures: all of the folder.
        labels: COCO's JSON or a folder of ultralytics' labels for a detector; for other models a table `file,label`,
            or None if each class has a folder.
        task: of the model; None while it is not known: then all but key points is checked.
        classes: lines of the model's label file; empty for an embedding.

    Raises:
        PteError: `bad-data-set` naming what is wrong.
    """
    detects = task is not None and task.kind not in (CLASSIFY, EMBED)
    if labels is not None and _annotates(labels):
        if task is not None and not detects:
            raise bad(
                f"{labels}: boxes are for detectors. Give a table `file,label`, or leave out --labels if each class "
                "has a folder"
            )
        read = read_yolo if labels.is_dir() else read_coco
        annotations = read(labels, pictures, classes, task)
        truth: object = [[asdict(one) for one in things] for things in annotations.things]
        return DataSet(
            name,
            annotations.pictures,
            annotations,
            _sha256(annotations.pictures, truth),
            len(pictures) - len(annotations.pictures),
        )
    if detects:
        raise bad(
            "a detector needs --labels: COCO's annotations as JSON, or a folder of ultralytics' labels"
        )
    right = _classes_of(folder, [each.name for each in pictures], labels, classes)
    ordered = [right[each.name] for each in pictures]
    return DataSet(name, tuple(pictures), right, _sha256(pictures, ordered), 0)


def _annotates(labels: Path | None) -> bool:
    """Whether these are labels of a detector."""
    return labels is not None and (labels.is_dir() or labels.suffix.lower() == ".json")


def _classes_of(
    folder: Path, names: Sequence[str], labels: Path | None, classes: Sequence[str]
) -> Mapping[str, int] | Mapping[str, str]:
    """Picture -> the number of its class, or the label itself for an embedding."""
    found = folder_labels(folder, names) if labels is None else table_labels(labels, names)
    if classes:
        return class_numbers(found, classes)
    check_neighbours(folder, found)
    return found


def _sha256(pictures: Sequence[Picture], truth: object) -> str:
    content = [[each.name, each.sha256] for each in pictures], truth
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def score(data_set: DataSet, task: Task, answers: Mapping[str, Any]) -> dict[str, float]:
    """Name of each measure -> share between 0 and 1.

    Args:
        answers: SHA-256 of a picture -> the answer, see `prediction.predict`.
    """
    ordered = [answers[each.sha256] for each in data_set.pictures]
    truth = data_set.truth
    if isinstance(truth, Annotations):
        return mean_average_precision(truth, ordered, task)
    right: list[Any] = [truth[each.name] for each in data_set.pictures]
    if task.kind == CLASSIFY:
        # With as few classes as this, any order has the right one among its first.
        most = (1, TOP) if task.classes > TOP else (1,)
        return {f"top-{k}": top_k(ordered, right, k) for k in most}
    vectors = np.stack([embedding(answer) for answer in ordered])
    return {f"{k}-NN": nearest_neighbours(vectors, right, k) for k in (1, NEIGHBOURS)}
