"""Whether a classifier names what is on a photograph."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.validation.case import Outcome

SEEDED_REASON = "seeded weights carry no training: their labels mean nothing"
_SHOWN = 3


def top_label_outcome(scores: Tensor, labels: Sequence[str] | None, expected: str) -> Outcome:
    """Compare the label of the greatest score with the expected one.

    Args:
        scores: [1, number of labels], the program's first output.
        labels: class names by index.

    Raises:
        PteError: `task` if there are no labels, the expected one is none of them, or the scores are
            not one row with one score for each.
    """
    if labels is None:
        raise PteError("task", f"{expected!r} is expected, but the program has no label file")
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
    problem = f"it sees {found!r}, expected is {expected!r}"
    return Outcome(f"it sees {found!r}", () if found == expected else (problem,), {"best": best})
