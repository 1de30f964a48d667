from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.latency.arrays import (
    NO_AGREEMENT,
    Array,
    lowest_cosine,
    read_arrays,
    relative_error,
    write_arrays,
)

REFERENCE = [np.array([[1.0, 2.0, -3.0]], np.float32), np.array([3.0, 4.0], np.float32)]


def test_arrays_come_back_in_their_order(tmp_path: Path) -> None:
    arrays = [np.full(2, number, np.float32) for number in range(12)]
    write_arrays(tmp_path / "a.npz", arrays)
    assert [array[0] for array in read_arrays(tmp_path / "a.npz")] == list(range(12))


def test_the_worst_output_counts() -> None:
    assert lowest_cosine(REFERENCE, REFERENCE) == pytest.approx(1.0)
    assert lowest_cosine(REFERENCE, [REFERENCE[0], np.array([4.0, 3.0])]) == pytest.approx(0.96)
    assert lowest_cosine(REFERENCE, [-REFERENCE[0], REFERENCE[1]]) == pytest.approx(-1.0)


@pytest.mark.parametrize(
    "others",
    [
        REFERENCE[:1],
        [REFERENCE[0].T, REFERENCE[1]],
        [REFERENCE[0] * np.nan, REFERENCE[1]],
        [REFERENCE[0] * np.inf, REFERENCE[1]],
        [REFERENCE[0] * 0, REFERENCE[1]],
    ],
)
def test_other_shapes_zeros_and_no_numbers_agree_with_nothing(
    others: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]],
) -> None:
    assert lowest_cosine(REFERENCE, others) == NO_AGREEMENT


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
def test_a_reference_that_proves_nothing_is_refused(value: float) -> None:
    constant = [np.full(4, value)]
    with pytest.raises(ValueError, match="constant or not finite"):
        lowest_cosine(constant, constant)


def test_the_error_is_that_of_all_outputs_together() -> None:
    other = [REFERENCE[0], np.array([3.0, 4.5])]
    assert relative_error(REFERENCE, other) == pytest.approx(0.5 / np.sqrt(14 + 25))
    assert relative_error(REFERENCE, REFERENCE) == 0


@pytest.mark.parametrize(
    ("reference", "others", "message"),
    [
        (REFERENCE, REFERENCE[:1], "other shapes"),
        (REFERENCE, [REFERENCE[0].T, REFERENCE[1]], "other shapes"),
        (REFERENCE, [REFERENCE[0], REFERENCE[1] * np.nan], "not finite"),
        ([np.zeros(3)], [np.ones(3)], "zero"),
        ([np.full(3, np.inf)], [np.ones(3)], "not finite"),
    ],
)
def test_outputs_without_an_error_are_refused(
    reference: list[Array], others: list[Array], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        relative_error(reference, others)
