from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError
from pte_foundry.photographs.decode import read_photograph
from pte_foundry.quantization.calibration import calibration_inputs, crop
from pte_foundry.testing.quantization_samples import preprocess, request, write_pictures


def test_pictures_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path, ("b.png", "a.png", "c.png"))
    shuffled = {name: pictures[name] for name in ("c.png", "a.png", "b.png")}
    found = list(calibration_inputs(request(nn.Identity(), shuffled)))
    expected = [
        preprocess(read_photograph(tmp_path / name)) for name in ("a.png", "b.png", "c.png")
    ]
    assert len(found) == 3
    assert all(torch.equal(one[0], other[0]) for one, other in zip(found, expected))


def test_crops_follow_the_whole_picture(tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path, ("a.png",))
    found = [inputs[0] for inputs in calibration_inputs(request(nn.Identity(), pictures), crops=3)]
    picture = read_photograph(tmp_path / "a.png")
    assert len(found) == 4
    assert torch.equal(found[0], preprocess(picture)[0])
    for index in range(3):
        assert torch.equal(found[index + 1], preprocess(crop(picture, index))[0])


def test_a_crop_has_half_the_sides_and_differs_from_the_others() -> None:
    rows = torch.arange(9).reshape(9, 1, 1).expand(9, 7, 3).to(torch.uint8)
    crops = [crop(rows, index) for index in range(16)]
    assert {tuple(part.shape) for part in crops} == {(5, 4, 3)}
    assert {int(part[0, 0, 0]) for part in crops} == {0, 1, 2, 3, 4}
    assert crop(torch.zeros(1, 1, 3, dtype=torch.uint8), 5).shape == (1, 1, 3)


def test_a_file_that_is_not_a_picture_is_named(tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path, ("a.png",))
    whole = (tmp_path / "a.png").read_bytes()
    for name, content in (("text.png", b"no picture"), ("cut.png", whole[: len(whole) // 2])):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(PteError, match=f"bad-calibration.*{name}.*Replace it") as caught:
            list(calibration_inputs(request(nn.Identity(), {**pictures, name: tmp_path / name})))
        assert str(tmp_path) not in caught.value.message


def test_a_picture_that_the_model_cannot_take_is_named(tmp_path: Path) -> None:
    def refuse(picture: Tensor) -> tuple[Tensor, ...]:
        raise PteError("bad-picture", "too narrow")

    asked = request(nn.Identity(), write_pictures(tmp_path, ("a.png",)))
    with pytest.raises(PteError, match=r"bad-calibration.*a\.png.*too narrow"):
        list(calibration_inputs(replace(asked, preprocess=refuse)))
