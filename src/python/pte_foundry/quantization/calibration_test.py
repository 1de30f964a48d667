from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError
from pte_foundry.models.definition import takes_no_picture
from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.photographs.decode import read_photograph
from pte_foundry.quantization.calibration import calibration_inputs, crop
from pte_foundry.records.tensor_spec import parse_tensor_spec
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


IMAGE = parse_tensor_spec("image", "float32[1,3,16,16]{0.0..1.0}")


def sampled(tmp_path: Path, **arrays: np.ndarray) -> dict[str, Path]:
    """A `.npy` for each array."""
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    return {f"{name}.npy": tmp_path / f"{name}.npy" for name in arrays}


def test_samples_come_as_they_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    arrays = {name: np.random.rand(1, 3, 16, 16).astype(np.float32) for name in "ba"}
    # Constant: unlike a picture, it may be one of several states.
    arrays["c"] = np.zeros((1, 3, 16, 16), np.float32)
    found = list(calibration_inputs(request(nn.Identity(), sampled(tmp_path, **arrays))))
    assert [len(inputs) for inputs in found] == [1, 1, 1]
    for (tensor,), name in zip(found, "abc"):
        assert np.array_equal(tensor.numpy(), arrays[name])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"array": np.zeros((1, 3, 8, 8), np.float32)}, r"b.npy: 'image' is float32\[1,3,8,8\]"),
        ({"array": np.full((1, 3, 16, 16), np.nan, np.float32)}, "b.npy: 'image' has NaN"),
        ({"crops": 1}, "`crops` is for pictures.*Remove `crops`"),
        ({"picture": True}, r"pictures, such as a\.png, and samples, such as a\.npy. Use one"),
    ],
)
def test_bad_samples_are_told_before_the_first_input(
    tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    good = np.random.rand(1, 3, 16, 16).astype(np.float32)
    files = sampled(tmp_path, a=good, b=change.get("array", good))
    if "picture" in change:
        files |= write_pictures(tmp_path, ("a.png",))
    with pytest.raises(PteError, match=told):
        # Not even `next`.
        calibration_inputs(request(nn.Identity(), files), change.get("crops", 0))


def test_random_inputs_within_the_declared_ranges() -> None:
    mask = parse_tensor_spec("mask", "bool[1,4]")
    options = {"random_inputs": "3"}
    asked = request(nn.Identity(), {}, options, inputs=(IMAGE, mask))
    found = list(calibration_inputs(asked))
    assert len(found) == 3 and found[1][1].dtype is torch.bool
    values = torch.cat([image for image, _ in found])
    assert 0.0 <= float(values.min()) < 0.1 and 0.9 < float(values.max()) <= 1.0
    assert not torch.equal(found[0][0], found[1][0])
    # The same bits again, and others than those that programs are tested on.
    assert torch.equal(list(calibration_inputs(asked))[2][0], found[2][0])
    tested = [image for image, _ in fixed_inputs((IMAGE, mask), 4)]
    assert not any(torch.equal(one, image) for one, _ in found for image in tested)


@pytest.mark.parametrize(
    ("text", "example"), [("float32[1,4]", r"{0\.0\.\.1\.0}"), ("int64[1,4]", r"{0\.\.999}")]
)
def test_random_inputs_need_a_range(text: str, example: str) -> None:
    inputs = (IMAGE, parse_tensor_spec("x", text))
    asked = request(nn.Identity(), {}, {"random_inputs": "3"}, inputs=inputs)
    with pytest.raises(PteError, match=f"bad-calibration.*'x' declares no range.*{example}"):
        calibration_inputs(asked)


def test_pictures_for_a_model_that_takes_none(tmp_path: Path) -> None:
    asked = request(nn.Identity(), write_pictures(tmp_path, ("a.png",)))
    with pytest.raises(PteError, match=r"bad-calibration.*on a\.png.*`sample_set`"):
        calibration_inputs(replace(asked, preprocess=takes_no_picture))


def test_without_pillow_only_pictures_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = sampled(tmp_path, a=np.random.rand(1, 3, 16, 16).astype(np.float32))
    pictures = write_pictures(tmp_path, ("a.png",))
    monkeypatch.setitem(sys.modules, "PIL", None)  # type: ignore[misc]
    monkeypatch.delitem(sys.modules, "pte_foundry.photographs.decode", raising=False)
    assert len(list(calibration_inputs(request(nn.Identity(), files)))) == 1
    with pytest.raises(PteError, match="bad-picture: .*Pillow.*builder_resolve="):
        list(calibration_inputs(request(nn.Identity(), pictures)))
