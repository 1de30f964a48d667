from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.models.definition import Preprocess
from pte_foundry.models.letterbox import letterbox
from pte_foundry.models.mobilenet import build
from pte_foundry.records.facts import Tensor as ReportedTensor
from pte_foundry.validation.preprocessing import preprocessing_case, preprocessing_outcome

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def reported(layout: str = "NCHW", **changes: object) -> ReportedTensor:
    normalisation = {
        "scale": "1/255",
        "mean": MEAN,
        "std": STD,
        "colour": "RGB",
        "resize": "shorter side to 256, then centre crop",
        **changes,
    }
    description = {"layout": layout, "normalisation": normalisation}
    return ReportedTensor("image", "float32", (1, 3, 224, 224), description)


MOBILENET = build("mobilenet_v3_small").preprocess


def bgr(picture: Tensor) -> tuple[Tensor, ...]:
    return MOBILENET(picture.flip(2))


def off_by_one_level(picture: Tensor) -> tuple[Tensor, ...]:
    return MOBILENET(picture + 1)


def boxed(picture: Tensor) -> tuple[Tensor, ...]:
    return (letterbox(picture, 64, 64).permute(2, 0, 1)[None].float() / 255,)


LETTERBOX = reported(
    mean=[0, 0, 0],
    std=[1, 1, 1],
    resize="letterbox: longer side to 64, centred, the rest filled with the value 114 of 255",
)


def test_the_builders_preprocessing_is_what_it_says() -> None:
    assert preprocessing_outcome([reported()], MOBILENET).problems == ()
    assert preprocessing_outcome([LETTERBOX], boxed).problems == ()


@pytest.mark.parametrize(
    ("said", "preprocess", "wrong"),
    [
        (reported(), bgr, ["middle", "corner"]),
        (reported(), off_by_one_level, ["middle", "corner"]),
        (reported(colour="BGR"), MOBILENET, ["middle", "corner"]),
        (reported(mean=[0, 0, 0]), MOBILENET, ["middle", "corner"]),
        (reported(std=STD[::-1]), MOBILENET, ["middle", "corner"]),
        (reported(mean=[0, 0, 0], std=[1, 1, 1]), boxed, ["corner"]),
        (reported(scale="1", mean=[0, 0, 0], std=[1, 1, 1]), boxed, ["middle", "corner"]),
    ],
)
def test_anything_else_is_a_problem(
    said: ReportedTensor, preprocess: Preprocess, wrong: list[str]
) -> None:
    problems = preprocessing_outcome([said], preprocess).problems
    assert [problem.partition("the ")[2].split()[0] for problem in problems] == wrong


def test_another_border_is_a_problem() -> None:
    black = torch.nn.ZeroPad2d((0, 0, 8, 8))
    outcome = preprocessing_outcome([LETTERBOX], lambda picture: (black(boxed(picture)[0]),))
    assert len(outcome.problems) == 1 and "the corner becomes [0.0, " in outcome.problems[0]


@pytest.mark.parametrize(
    "unknown", [reported(scale="1/127"), reported(colour="grey"), reported(layout="NHWC")]
)
def test_what_is_not_known_fails(unknown: ReportedTensor) -> None:
    with pytest.raises(PteError, match="to pte_foundry.validation.preprocessing") as caught:
        preprocessing_outcome([unknown], MOBILENET)
    assert caught.value.kind == "structure"


def test_an_input_without_a_picture_is_skipped() -> None:
    tokens = ReportedTensor("tokens", "int64", (1, 7), {"layout": "NL", "normalisation": None})
    assert preprocessing_case([tokens], MOBILENET).status == "skipped"
