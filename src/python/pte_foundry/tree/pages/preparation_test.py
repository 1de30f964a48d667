from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pte_foundry.models import mobilenet, pe, ssdlite
from pte_foundry.models.letterbox import letterbox
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json
from pte_foundry.tree.pages.contract import read_contract
from pte_foundry.tree.pages.pages import environment
from pte_foundry.tree.pages.preparation import Preparation, preparation_code

INDEX = Path("index.json")
SIZES = [(480, 636), (641, 479), (100, 77), (300, 1001), (640, 640)]
"""Height and width: landscape and portrait, smaller and larger than every input, with middles between two pixels."""


@cache
def entries() -> dict[str, Fields]:
    """The committed index: model name -> its first entry."""
    found: dict[str, Fields] = {}
    for entry in Fields(read_json(INDEX), str(INDEX)).objects("models"):
        found.setdefault(entry.text("modelName"), entry)
    return found


def preparation(model: str) -> Preparation:
    (tensor,) = read_contract(entries()[model]).pictures
    assert tensor.preparation is not None
    return tensor.preparation


def python_function(prepared: Preparation) -> Callable[[Tensor], Tensor]:
    """The function that the page shows."""
    codes = {each.language: each.text for each in preparation_code(environment(), prepared)}
    assert list(codes) == ["Python", "Swift", "Kotlin", "Dart"]
    module: dict[str, Any] = {}
    exec(compile(codes["Python"], "preprocess.py", "exec"), module)  # noqa: S102
    function: Callable[[Tensor], Tensor] = module["preprocess"]
    return function


def picture(height: int, width: int) -> Tensor:
    noise = torch.Generator().manual_seed(height * 10000 + width)
    return torch.randint(0, 256, (height, width, 3), dtype=torch.uint8, generator=noise)


def yolo(pixels: Tensor) -> Tensor:
    """What the YOLO builder does, whose module needs ultralytics."""
    return letterbox(pixels, 640, 640).permute(2, 0, 1).unsqueeze(0).float() / 255


torchvision = cache(mobilenet.build)

OWN: dict[str, Callable[[Tensor], Tensor]] = {
    "mobilenet_v2": lambda pixels: torchvision("mobilenet_v2").preprocess(pixels)[0],
    "mobilenet_v3_small": lambda p: torchvision("mobilenet_v3_small").preprocess(p)[0],
    "pe_core_b16_224": lambda pixels: pe._preprocess(pixels, 224)[0],
    "ssdlite320_mobilenet_v3_large": lambda pixels: ssdlite._preprocess(pixels)[0],
    "yolo11n": yolo,
}


@pytest.mark.parametrize("model", sorted(OWN))
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_python_of_a_page_is_the_models_own_preprocessing(
    model: str, height: int, width: int
) -> None:
    pixels = picture(height, width)
    own, shown = OWN[model](pixels), python_function(preparation(model))(pixels)
    assert shown.shape == own.shape and shown.dtype == torch.float32 and shown.is_contiguous()
    assert (shown - own).abs().max().item() < 1e-5


def test_every_picture_of_the_committed_index_has_code() -> None:
    for entry in entries().values():
        for tensor in read_contract(entry).pictures:
            assert tensor.preparation is not None, entry.where


def test_blue_comes_first_where_the_report_says_so() -> None:
    entry = entries()["yolo11n"].values
    ((described,), expected) = (entry["inputs"], preparation("yolo11n"))  # type: ignore[misc]
    changed = {**described, "normalisation": {**described["normalisation"], "colour": "BGR"}}  # type: ignore[has-type]
    (tensor,) = read_contract(Fields({**entry, "inputs": [changed]}, "entry")).pictures
    assert tensor.preparation is not None and not expected.blue_first
    pixels = picture(640, 640)
    flipped = python_function(tensor.preparation)(pixels)
    assert torch.equal(flipped, python_function(expected)(pixels).flip(1))


@pytest.mark.parametrize(
    "change",
    [
        {"resize": "as you like"},
        {"resize": "to 512x512 whatever the aspect ratio, bilinear with antialiasing"},
        {"resize": "shorter side to 100, bilinear with antialiasing, then centre crop 640x640"},
        {"scale": "1/256"},
        {"colour": "YUV"},
        {"mean": [0.5]},
        {"std": [0.0, 1.0, 1.0]},
        {"std": ["1); import os  # ", 1.0, 1.0]},
    ],
)
def test_a_preparation_that_is_not_known_has_no_code(change: dict[str, object]) -> None:
    entry = entries()["yolo11n"].values
    (described,) = entry["inputs"]  # type: ignore[misc]
    normalisation = {**described["normalisation"], **change}  # type: ignore[has-type]
    changed = {**described, "normalisation": normalisation}  # type: ignore[has-type]
    (tensor,) = read_contract(Fields({**entry, "inputs": [changed]}, "entry")).pictures
    assert tensor.preparation is None and tensor.normalisation
