from __future__ import annotations

import math

import pytest
import torch

from pte_foundry.validation.payload_weights.rounding import HALF_STEP, float_step, steps_off


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


def test_what_float16_has_not_is_its_greatest() -> None:
    greatest = torch.tensor([65504.0, -65504.0])
    assert steps_off(greatest, torch.tensor([1e9, -1e9]), None, 0.0) == 0.0


def test_float32_has_steps_of_its_own() -> None:
    values = torch.tensor([1.0, 0.1, -3e38, 1e-30])
    above = torch.nextafter(values.abs(), torch.tensor(torch.inf))
    assert torch.equal(float_step(values, torch.float32), above - values.abs())
    assert steps_off(above, values.abs(), None, 0.0, torch.float32) == 1.0
