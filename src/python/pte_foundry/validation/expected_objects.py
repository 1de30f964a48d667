"""Whether a detector finds what is known to be on a photograph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.validation.case import Outcome
from pte_foundry.validation.detections import decode

CLEAR_SCORE = 0.5
"""Objects that a person would name at once score more; those near `detections.MIN_SCORE` come and go."""

_BOX = 4


def expected_objects_outcome(
    output: Tensor, labels: Sequence[str] | None, expected: str
) -> Outcome:
    """Count the labels of what is detected with more than `CLEAR_SCORE`; more than expected may be found.

    Args:
        output: [1, 4 + number of labels, cells], see `detections.decode`.
        labels: class names by index.
        expected: labels separated by commas, each as often as it is to be found.

    Raises:
        PteError: `task` if there are no labels, an expected one is none of them, or the output has another
            number of classes; and what `decode` raises.
    """
    if labels is None:
        raise PteError("task", f"{expected!r} is expected, but the program has no label file")
    wanted = Counter(label.strip() for label in expected.split(","))
    if unknown := sorted(set(wanted) - set(labels)):
        raise PteError("task", f"{unknown} are expected, but the label file has no such lines")
    if output.dim() != 3 or output.shape[1] != _BOX + len(labels):
        raise PteError(
            "task",
            f"the first output has shape {list(output.shape)}, not [1, {_BOX + len(labels)}, cells]: "
            "a box and one score for each line of the label file",
        )
    found = decode(output, CLEAR_SCORE)
    names = [labels[index] for index in found.classes.tolist()]
    lost = wanted - Counter(names)
    problem = f"it does not find {_counted(lost)}; expected is {_counted(wanted)}, found {names}"
    measured = {
        "detections": [
            {"label": name, "score": score, "box": box}
            for name, score, box in zip(names, found.scores.tolist(), found.boxes.tolist())
        ]
    }
    return Outcome(f"it finds {_counted(Counter(names))}", (problem,) if lost else (), measured)


def _counted(labels: Counter[str]) -> str:
    return ", ".join(f"{count} {label}" for label, count in sorted(labels.items())) or "nothing"
