"""What needs no ultralytics; `tests/ultralytics_models` has the rest."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.models.torchvision_cpu import prepare_torchvision
from pte_foundry.models.ultralytics_model import prepare_picture, ultralytics_definition

prepare_torchvision()

from torchvision.transforms.functional import (  # type: ignore[import-untyped]  # noqa: E402
    center_crop,
    resize,
)


@pytest.mark.parametrize("name", ["yolo12n", "yolo11", "yolo11n-world", "yolov9c", "../yolo11n"])
def test_other_architectures_are_refused(name: str) -> None:
    with pytest.raises(PteError, match="^bad-builder: .*no architecture that is known here"):
        ultralytics_definition(name, 3, (320, 320))


def test_detectors_of_yolov5_alone() -> None:
    with pytest.raises(PteError, match="^bad-builder: "):
        ultralytics_definition("yolov5n-seg", 3, (320, 320))


@pytest.mark.parametrize("size", [(320, 410), (100, 320)])
def test_sizes_that_cells_do_not_divide(size: tuple[int, int]) -> None:
    with pytest.raises(PteError, match="^bad-input-shape: .*multiples of 32, not"):
        ultralytics_definition("yolo11n", 3, size)


def picture(height: int, width: int) -> Tensor:
    chance = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 5, 7, generator=chance) * 255
    smooth = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
    return smooth[0].round().byte().permute(1, 2, 0).contiguous()


@pytest.mark.parametrize(("height", "width"), [(300, 401), (401, 300), (90, 120), (64, 64)])
def test_classifiers_see_the_middle(height: int, width: int) -> None:
    pixels = picture(height, width)
    (found,) = prepare_picture(pixels, "-cls", (64, 64))
    scaled = resize(pixels.permute(2, 0, 1), [64], antialias=True)
    expected = center_crop(scaled, [64, 64]).float()[None] / 255
    assert found.shape == (1, 3, 64, 64) and found.is_contiguous()
    assert (found - expected).abs().max() <= 1.01 / 255


def test_rectangular_classifiers_see_everything() -> None:
    pixels = picture(300, 401)
    (found,) = prepare_picture(pixels, "-cls", (64, 96))
    expected = resize(pixels.permute(2, 0, 1), [64, 96], antialias=True).float()[None] / 255
    assert (found - expected).abs().max() <= 1.01 / 255


@pytest.mark.parametrize("task", ["", "-cls"])
def test_other_pictures_are_refused(task: str) -> None:
    with pytest.raises(PteError, match="^bad-picture: "):
        prepare_picture(torch.zeros(8, 8), task, (64, 64))
