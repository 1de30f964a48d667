"""Whether a program recognises what is known to be on a photograph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.validation.case import Outcome
from pte_foundry.validation.detections import BOX, decode

SEEDED_REASON = "seeded weights are untrained: their labels mean nothing"

CLEAR_SCORE = 0.5
"""Unmistakable objects score more; those near `detections.MIN_SCORE` come and go."""

_SHOWN = 3


def task_outcome(output: Tensor, labels: Sequence[str] | None, expected: str) -> Outcome:
    """Judge the program's first output: a classifier's has a score for each label, a detector's rows of boxes.

    Args:
        labels: class names by index; None without a label file.
        expected: a label; for a detector several, separated by commas.

    Raises:
        PteError: `task` if there are no labels, an expected one is not among them, or the output does not
            match them; and what `decode` raises.
    """
    if labels is None:
        raise PteError("task", f"{expected!r} is expected, but the program has no label file")
    judge = _top_label if output.dim() == 2 else _objects
    return judge(output, labels, expected)


def _top_label(scores: Tensor, labels: Sequence[str], expected: str) -> Outcome:
    """Compare the label of the highest score of [1, number of labels] with the expected one."""
    if expected not in labels:
        raise PteError("task", f"{expected!r} is expected, but the label file has no such line")
    if tuple(scores.shape) != (1, len(labels)):
        raise PteError(
            "task",
            f"the first output has shape {list(scores.shape)}, not [1, {len(labels)}]: one score "
            "for each line of the label file",
        )
    order = scores[0].argsort(descending=True, stable=True)[:_SHOWN].tolist()
    best = [{"label": labels[index], "score": float(scores[0, index])} for index in order]
    found = labels[order[0]]
    problem = f"it sees {found!r}, not the expected {expected!r}"
    return Outcome(f"it sees {found!r}", () if found == expected else (problem,), {"best": best})


def _objects(output: Tensor, labels: Sequence[str], expected: str) -> Outcome:
    """Count the labels detected in [1, 4 + number of labels, cells] with scores above `CLEAR_SCORE`.

    Rows behind those are key points. Each label is expected as often as it is listed; finding more is fine.
    """
    wanted = Counter(label.strip() for label in expected.split(","))
    if unknown := sorted(set(wanted) - set(labels)):
        raise PteError("task", f"{unknown} are expected, but the label file has no such lines")
    if output.dim() != 3 or not _fits(output, BOX + len(labels)):
        raise PteError(
            "task",
            f"the first output has shape {list(output.shape)}, not [1, {BOX + len(labels)}, cells]: "
            "a box and one score for each line of the label file",
        )
    found = decode(output, CLEAR_SCORE, len(labels))
    names = [labels[index] for index in found.classes.tolist()]
    lost = wanted - Counter(names)
    problem = f"it does not find {_counted(lost)}; expected {_counted(wanted)}, found {names}"
    measured = {
        "detections": [
            {"label": name, "score": score, "box": box}
            for name, score, box in zip(names, found.scores.tolist(), found.boxes.tolist())
        ]
    }
    return Outcome(f"it finds {_counted(Counter(names))}", (problem,) if lost else (), measured)


def _fits(output: Tensor, rows: int) -> bool:
    """Whether what follows the scores, if anything does, is key points: in pixels, so not all within 0 and 1."""
    behind = output[:, rows:]
    return output.shape[1] >= rows and (behind.numel() == 0 or float(behind.abs().max()) > 1)


def _counted(labels: Counter[str]) -> str:
    return ", ".join(f"{count} {label}" for label, count in sorted(labels.items())) or "nothing"
