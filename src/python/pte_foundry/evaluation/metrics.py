"""Accuracy of classifiers and of embeddings (NumPy only). Everything is a share: between 0 and 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

NEIGHBOURS = 5


def top_k(answers: Sequence[Sequence[int]], truth: Sequence[int], k: int) -> float:
    """The share of the pictures whose class is among the best `k`.

    Args:
        answers: for each picture its best classes, the best first.
        truth: the class of each picture.
    """
    return sum(label in answer[:k] for answer, label in zip(answers, truth, strict=True)) / len(
        truth
    )


def nearest_neighbours(vectors: npt.NDArray[np.float32], truth: Sequence[str], k: int) -> float:
    """The share of the pictures whose class is that of their `k` nearest others, by the cosine.

    Each picture is left out in turn (leave-one-out). The neighbours vote, each with one vote; of classes with as many
    votes, the one with the nearest neighbour wins. With `k` = 1 this is the recall at 1 of retrieval. A picture that is
    the only one of its class cannot be right, and counts.

    Args:
        vectors: float32 [pictures, numbers], of length 1.
    """
    names = list(dict.fromkeys(truth))
    labels = np.array([names.index(each) for each in truth])
    right = 0
    exact = vectors.astype(np.float64)
    for position, vector in enumerate(exact):
        cosines = exact @ vector
        cosines[position] = -np.inf
        nearest = np.argsort(-cosines, kind="stable")[: min(k, len(truth) - 1)]
        votes = labels[nearest].tolist()
        # `max` returns the first of equals, and the nearest comes first.
        right += max(votes, key=votes.count) == labels[position]
    return right / len(truth)
