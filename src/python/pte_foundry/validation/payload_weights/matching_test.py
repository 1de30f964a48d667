from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from pte_foundry.backends.content import Constant
from pte_foundry.validation.payload_weights.matching import (
    HALF_STEP,
    float_step,
    match_constants,
    steps_off,
)
from pte_foundry.validation.payload_weights.model_constants import ModelConstant

WEIGHT = torch.randn(6, 4, 1, 1, generator=torch.Generator().manual_seed(0))
MODEL = (ModelConstant("weight", WEIGHT), ModelConstant("other", WEIGHT + 1))


def models(values: Tensor, scale: Tensor | None = None) -> tuple[str, ...]:
    """Which constants of the model these values are."""
    (match,) = match_constants([Constant("stored", values, scale, 0)], MODEL)
    return match.models


@pytest.mark.parametrize(
    "same",
    [
        WEIGHT.half().float(),
        WEIGHT.half().float().reshape(6, 4),
        WEIGHT.half().float().reshape(1, 6, 1, 4),
        # A linear layer's weight, transposed.
        WEIGHT.half().float().reshape(6, 4).t().contiguous(),
    ],
)
def test_a_rounded_weight_is_found(same: Tensor) -> None:
    assert models(same) == ("weight",)


@pytest.mark.parametrize("stored", [-math.inf, -65504.0, -3e4])
def test_a_mask_is_infinite_where_the_model_has_it(stored: float) -> None:
    mask = torch.full((6, 4), -math.inf).triu(1)
    (match,) = match_constants(
        [Constant("stored", mask.clamp(min=stored), None, 0)], [ModelConstant("mask", mask)]
    )
    assert match.models == ("mask",)
    other = mask.flip(0)
    (match,) = match_constants([Constant("stored", other, None, 0)], [ModelConstant("mask", mask)])
    assert match.models == ()


def test_channels_may_be_last() -> None:
    image = torch.randn(1, 4, 2, 5, generator=torch.Generator().manual_seed(0))
    model = [ModelConstant("image", image)]
    last, wrong = match_constants(
        [
            Constant("last", image.permute(0, 2, 3, 1), None, 0),
            Constant("wrong", image.permute(0, 3, 1, 2), None, 0),
        ],
        model,
    )
    assert (last.models, wrong.models) == (("image",), ())


def _changed(place: int, value: float) -> Tensor:
    values = WEIGHT.half().float().clone()
    values.view(-1)[place] = value
    return values


@pytest.mark.parametrize(
    "different",
    [
        _changed(0, 0.0),
        # Two steps of float16.
        _changed(-1, float(WEIGHT.flatten()[-1]) * (1 + 2**-9)),
        _changed(5, float("nan")),
        WEIGHT[[1, 0, 2, 3, 4, 5]],
        WEIGHT[:, [1, 0, 2, 3]],
        -WEIGHT,
        # The same elements in memory, declared as another matrix.
        WEIGHT.reshape(4, 6),
        WEIGHT.reshape(24),
        WEIGHT.reshape(2, 3, 4),
    ],
)
def test_anything_else_is_not(different: Tensor) -> None:
    assert models(different) == ()


def test_a_difference_between_the_samples_is_seen() -> None:
    large = torch.randn(100, 100, generator=torch.Generator().manual_seed(0))
    changed = large.clone()
    changed[50, 1] += 1
    model = [ModelConstant("large", large)]
    same, other = match_constants(
        [Constant("same", large, None, 0), Constant("changed", changed, None, 0)], model
    )
    assert (same.models, other.models) == (("large",), ())


def test_integers_are_compared_in_their_own_steps() -> None:
    scale = WEIGHT.abs().amax((1, 2, 3), keepdim=True) / 127
    stored = (WEIGHT / scale).round() * scale
    assert models(stored, scale) == ("weight",)
    assert models(stored, scale.expand(WEIGHT.shape)) == ("weight",)
    assert models(stored.reshape(6, 4).t(), scale.reshape(1, 6)) == ("weight",)
    assert models(stored + scale, scale) == ()
    assert models(stored * 2, scale * 2) == ()


def test_equal_constants_share_one() -> None:
    model = [ModelConstant("one", torch.ones(20)), ModelConstant("another", torch.ones(20))]
    (match,) = match_constants([Constant("stored", torch.ones(20), None, 0)], model)
    assert match.models == ("one", "another")


def test_an_uncertain_constant_may_be_off_by_that() -> None:
    off = torch.zeros_like(WEIGHT)
    off[3] = 1.0
    model = [ModelConstant("folded", WEIGHT, off)]
    moved = WEIGHT.clone()
    moved[3] += 0.9
    for values in (moved, moved.reshape(6, 4).t()):
        assert match_constants([Constant("s", values, None, 0)], model)[0].models == ("folded",)
    assert match_constants([Constant("s", moved - off * 2, None, 0)], model)[0].models == ()


@pytest.mark.parametrize("seed", range(40))
def test_the_quick_look_at_extremes_keeps_all_that_is_only_rounded(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(64, generator=generator)
    tiny_to_vast, middle = drawn * 10.0 ** (seed - 30), drawn * 10.0 ** (seed % 6 - 2)
    scale = (middle.abs().max() / 127).half().float()
    stored = [
        Constant("fp16", tiny_to_vast.half().float().clamp(-65504, 65504), None, 0),
        Constant("fp32", tiny_to_vast, None, 0, torch.float32),
        Constant("int8", (middle / scale).round() * scale, scale, 0),
    ]
    model = [ModelConstant("tiny to vast", tiny_to_vast), ModelConstant("middle", middle)]
    found = [match.models for match in match_constants(stored, model)]
    assert all(name in models for name, models in zip(["tiny to vast"] * 2 + ["middle"], found))


def test_what_is_uncertain_may_have_another_extreme() -> None:
    values = torch.arange(16.0)
    moved = values.clone()
    moved[-1] += 0.5
    sure, unsure = ModelConstant("sure", values), ModelConstant("unsure", values, values / 20)
    (match,) = match_constants([Constant("stored", moved, None, 0)], [sure, unsure])
    assert match.models == ("unsure",)


def test_steps_are_those_of_float16() -> None:
    values = torch.tensor([1.0, 1.5, -2.0, 0.1, 60000.0, 6e-8, 0.0, 0.99999])
    half = values.half()
    above = torch.nextafter(half.abs(), torch.tensor(float("inf"), dtype=torch.float16))
    expected = above.float() - half.abs().float()
    # The last is rounded up to 1, whose neighbour above is twice as far as the one below.
    expected[-1] /= 2
    assert torch.equal(float_step(values, torch.float16), expected)


def test_rounding_is_at_most_half_a_step() -> None:
    values = torch.randn(10_000, generator=torch.Generator().manual_seed(0)) * 10
    off = steps_off(values.half().float(), values, None, 0.0)
    assert 0.49 < off <= HALF_STEP


@pytest.mark.parametrize(("moved", "steps"), [(0.0, 0.0), (2.0**-10, 1.0), (-(2.0**-9), 2.0)])
def test_differences_are_counted_in_steps(moved: float, steps: float) -> None:
    expected = torch.tensor([1.25, 1.5])
    assert steps_off(expected + moved, expected, None, 0.0) == steps


def test_what_float32_may_be_off_does_not_count() -> None:
    expected = torch.tensor([1.25])
    assert steps_off(expected + 0.5, expected, None, torch.tensor([0.5])) == 0.0


def test_integers_have_steps_of_their_own() -> None:
    scale = torch.tensor([[0.1], [0.2]])
    values = torch.rand(2, 100, generator=torch.Generator().manual_seed(0)) * 20
    stored = (values / scale).round() * scale
    assert 0.4 < steps_off(stored, values, scale, 0.0) <= HALF_STEP
    assert steps_off(stored + scale, values, scale, 0.0) > HALF_STEP
    # A scale that was rounded to float16.
    rounded = (values.clamp(max=12) / scale).round() * scale.half().float()
    assert steps_off(rounded, values.clamp(max=12), scale.half().float(), 0.0) <= HALF_STEP


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_what_is_not_finite_is_infinitely_far(broken: float) -> None:
    expected = torch.ones(3)
    assert steps_off(torch.tensor([1.0, broken, 1.0]), expected, None, 0.0) == math.inf


def test_what_float16_cannot_hold_is_its_greatest() -> None:
    greatest = torch.tensor([65504.0, -65504.0])
    assert steps_off(greatest, torch.tensor([1e9, -1e9]), None, 0.0) == 0.0


def test_float32_has_steps_of_its_own() -> None:
    values = torch.tensor([1.0, 0.1, -3e38, 1e-30])
    above = torch.nextafter(values.abs(), torch.tensor(torch.inf))
    assert torch.equal(float_step(values, torch.float32), above - values.abs())
    assert steps_off(above, values.abs(), None, 0.0, torch.float32) == 1.0
