"""Lists of NumPy arrays in a file, and how far two of them agree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

NO_AGREEMENT = -1.0


def write_arrays(file: Path, arrays: Sequence[Array]) -> None:
    """An archive that `read_arrays` reads."""
    np.savez(file, *arrays)


def read_arrays(file: Path) -> list[Array]:
    """The arrays of the archive, in their order."""
    with np.load(file, allow_pickle=False) as archive:
        return [archive[f"arr_{position}"] for position in range(len(archive.files))]


def lowest_cosine(reference: Sequence[Array], others: Sequence[Array]) -> float:
    """Least cosine between an array and its counterpart, both flattened, in float64; in [-1, 1].

    `NO_AGREEMENT` if numbers of arrays or shapes differ, or if anything in `others` is not finite.

    Raises:
        ValueError: for a reference that is constant or not finite: agreeing with it proves nothing.
    """
    for array in reference:
        if not np.isfinite(array).all() or (array == array.flat[0]).all():
            raise ValueError("the reference's output is constant or not finite")
    if [array.shape for array in reference] != [array.shape for array in others]:
        return NO_AGREEMENT
    return min(_cosine(*pair) for pair in zip(reference, others, strict=True))


def relative_error(reference: Sequence[Array], others: Sequence[Array]) -> float:
    """Euclidean distance of all values together, over the length of the reference, in float64.

    Raises:
        ValueError: for other numbers of arrays or shapes, for a reference that is zero, and if anything is not finite.
    """
    if [array.shape for array in reference] != [array.shape for array in others]:
        raise ValueError("the outputs have other shapes than the reference's")
    expected, found = (
        np.concatenate([array.astype(np.float64).ravel() for array in arrays])
        for arrays in (reference, others)
    )
    length = float(np.linalg.norm(expected))
    distance = float(np.linalg.norm(found - expected))
    if length == 0 or not np.isfinite([length, distance]).all():
        raise ValueError("the reference's output is zero, or an output is not finite")
    return distance / length


def _cosine(reference: Array, other: Array) -> float:
    expected, found = (array.astype(np.float64).ravel() for array in (reference, other))
    norms = float(np.linalg.norm(expected) * np.linalg.norm(found))
    if not np.isfinite(norms) or norms == 0:
        return NO_AGREEMENT
    return max(-1.0, min(1.0, float(expected @ found) / norms))
