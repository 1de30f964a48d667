from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import ExifTags, Image

from pte_foundry.photographs.decode import read_photograph


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_picture_is_height_width_rgb_in_bytes(tmp_path: Path, mode: str) -> None:
    picture = Image.new("RGB", (3, 2), (255, 0, 0))
    picture.putpixel((2, 0), (0, 0, 255))
    picture.convert(mode).save(tmp_path / "a.png")
    pixels = read_photograph(tmp_path / "a.png")
    assert pixels.dtype == torch.uint8 and tuple(pixels.shape) == (2, 3, 3)
    assert pixels[0, 0].tolist() == [255, 0, 0]
    assert pixels[0, 2].tolist() == [0, 0, 255]


def test_a_picture_that_was_taken_upright_is_upright(tmp_path: Path) -> None:
    picture = Image.new("RGB", (3, 2), (255, 0, 0))
    picture.putpixel((0, 0), (0, 0, 255))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # To be turned clockwise by a quarter.
    picture.save(tmp_path / "a.png", exif=exif)
    pixels = read_photograph(tmp_path / "a.png")
    assert tuple(pixels.shape) == (3, 2, 3)
    assert pixels[0, 1].tolist() == [0, 0, 255]
    assert pixels[0, 0].tolist() == [255, 0, 0]


def test_what_is_not_a_picture_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG but no more")
    with pytest.raises(OSError):
        read_photograph(tmp_path / "a.png")
