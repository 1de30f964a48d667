from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.models.letterbox import GREY, letterbox


def _picture(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (height, width, 3), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"),
    [
        (20, 40, slice(16, 48), slice(0, 64)),
        (40, 20, slice(0, 64), slice(16, 48)),
        (128, 30, slice(0, 64), slice(24, 39)),  # 15 columns: 24 before, 25 after
        (64, 64, slice(0, 64), slice(0, 64)),
    ],
)
def test_the_picture_is_in_the_middle_of_grey(
    height: int, width: int, rows: slice, columns: slice
) -> None:
    square = letterbox(torch.full((height, width, 3), 200, dtype=torch.uint8), 64, 64)
    assert square.shape == (64, 64, 3) and square.dtype == torch.uint8
    inside = torch.zeros(64, 64, dtype=torch.bool)
    inside[rows, columns] = True
    assert (square[inside] == 200).all()
    assert (square[~inside] == GREY).all()


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"),
    [
        (20, 40, slice(8, 40), slice(0, 64)),
        (40, 20, slice(0, 48), slice(20, 44)),
        (3, 4, slice(0, 48), slice(0, 64)),
    ],
)
def test_rectangles(height: int, width: int, rows: slice, columns: slice) -> None:
    whole = letterbox(torch.full((height, width, 3), 200, dtype=torch.uint8), 48, 64)
    assert whole.shape == (48, 64, 3)
    assert (whole[rows, columns] == 200).all()
    assert int((whole != GREY).all(2).sum()) == (rows.stop - rows.start) * (
        columns.stop - columns.start
    )


def test_a_picture_of_the_right_size_is_not_resampled() -> None:
    picture = _picture(64, 48)
    assert torch.equal(letterbox(picture, 64, 64)[:, 8:56], picture)


def test_colours_stay_in_their_channels() -> None:
    red = torch.zeros(10, 10, 3, dtype=torch.uint8)
    red[..., 0] = 250
    assert letterbox(red, 32, 32)[16, 16].tolist() == [250, 0, 0]


def test_upscaling_is_bilinear_with_pixel_centres() -> None:
    # Doubling [0, 100]: centres at 0.25 and 0.75 between them; the outer ones repeat the border.
    row = torch.tensor([0, 100], dtype=torch.uint8).reshape(1, 2, 1).expand(2, 2, 3)
    assert letterbox(row, 4, 4)[1, :, 0].tolist() == [0, 25, 75, 100]


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (torch.zeros(8, 8, 4, dtype=torch.uint8), "found torch.uint8"),
        (torch.zeros(8, 8, 3), "found torch.float32"),
        (torch.zeros(8, 8, dtype=torch.uint8), "found torch.uint8"),
        (torch.zeros(0, 8, 3, dtype=torch.uint8), "it is empty"),
        (torch.zeros(500, 1, 3, dtype=torch.uint8), "would be 64x0"),
    ],
)
def test_other_pictures_are_refused(picture: Tensor, message: str) -> None:
    with pytest.raises(PteError, match=f"^bad-picture: .*{message}"):
        letterbox(picture, 64, 64)
