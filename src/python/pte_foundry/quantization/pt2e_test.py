from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from pte_foundry.errors import PteError
from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.quantization.calibration import check_picture_inputs
from pte_foundry.quantization.recipe import QuantizationRequest, Quantized
from pte_foundry.quantization.recipes.xnnpack_dynamic import quantize as quantize_dynamic
from pte_foundry.quantization.recipes.xnnpack_static import quantize
from pte_foundry.records.tensor_spec import parse_tensor_spec
from pte_foundry.testing.quantization_samples import request, small_detector, write_pictures


def test_a_picture_of_one_colour_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), (90, 90, 90)).save(tmp_path / "grey.png")
    pictures = {"grey.png": tmp_path / "grey.png", **write_pictures(tmp_path, ("a.png",))}
    with pytest.raises(PteError, match="bad-calibration.*input 2 has one value, 0.352941"):
        quantize(request(small_detector(), dict(sorted(pictures.items()))))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite(value: float) -> None:
    image = torch.rand(1, 3, 2, 2)
    check_picture_inputs("small", 1, (image,))
    image[0, 0, 0, 0] = value
    with pytest.raises(PteError, match="bad-calibration.*not finite"):
        check_picture_inputs("small", 1, (image,))


def test_no_inputs(tmp_path: Path) -> None:
    with pytest.raises(PteError, match="bad-calibration.*no input was shown"):
        quantize(request(small_detector(), {}))


class _Branch(nn.Module):
    """One of its layers gives one value."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 1)
        self.branch = nn.Conv2d(4, 4, 1)
        self.branch.weight.zero_()
        assert self.branch.bias is not None
        self.branch.bias.fill_(0.5)

    def forward(self, image: Tensor) -> Tensor:
        x = self.stem(image)
        return self.branch(x) + x  # type: ignore[no-any-return]


@pytest.mark.parametrize("observer", ["minmax", "histogram"])
def test_a_layer_that_gives_one_value(tmp_path: Path, observer: str) -> None:
    with torch.no_grad():
        model = _Branch().eval().requires_grad_(False)
    pictures = write_pictures(tmp_path, ("a.png",))
    with pytest.raises(PteError, match=r"bad-calibration.*\(in branch\) has the value 0\.5"):
        quantize(request(model, pictures, {"observer": observer}))


def test_what_is_kept_in_float_with_all_that_it_goes_into_needs_no_range(tmp_path: Path) -> None:
    with torch.no_grad():
        model = _Branch().eval().requires_grad_(False)
    pictures = write_pictures(tmp_path, ("a.png",))
    options = {"float_modules": "branch", "float_operators": "aten.add"}
    census = quantize(request(model, pictures, options)).census
    assert census.quantized == {"aten.conv2d": 1}


class _Overflow(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x / 0.0


def test_a_layer_whose_values_are_not_finite(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 1), _Overflow(), nn.Conv2d(3, 3, 1)).eval()
    with pytest.raises(PteError, match=r"bad-calibration.*\(in 1\) are not finite"):
        quantize(request(model.requires_grad_(False), write_pictures(tmp_path, ("a.png",))))


class _Constants(nn.Module):
    """A scalar is quantized with the sum that it is part of, and is no activation."""

    def forward(self, x: Tensor) -> Tensor:
        return (x + 3.0) * 0.5


def test_constants_may_be_constant(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 1), _Constants()).eval().requires_grad_(False)
    census = quantize(request(model, write_pictures(tmp_path, ("a.png",)))).census
    assert census.quantized == {"aten.add": 1, "aten.conv2d": 1, "aten.mul": 1}


class _Casts(nn.Module):
    """What saved graphs have: conversions to float32, and constants of that type."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4, 3)

    def forward(self, image: Tensor) -> Tensor:
        features = self.stem(image.to(torch.float32) / 255).mean((2, 3))
        return self.head(features + torch.full((1, 4), 0.5, dtype=torch.float32))  # type: ignore[no-any-return]


def test_conversions_to_float32_are_no_obstacle() -> None:
    model = _Casts().eval().requires_grad_(False)
    spec = parse_tensor_spec("image", "uint8[1,3,8,8]{0..255}")
    asked = request(model, {}, {"random_inputs": "3"}, fixed_inputs([spec], 1)[0], (spec,))
    quantized = quantize(asked)
    assert quantized.census.weights_fraction == 1.0
    # They are as before: nothing in float64 is left.
    kinds = {
        node.meta["val"].dtype
        for node in quantized.exported_program.graph.nodes
        if isinstance(node.meta.get("val"), Tensor)
    }
    assert torch.float32 in kinds and torch.float64 not in kinds


class _Summing(nn.Module):
    """Adds what it is called with to a buffer, and has one of float64."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 3)
        self.register_buffer("sum", torch.zeros(1))
        self.register_buffer("exact", torch.tensor([1 / 3], dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        self.sum.add_(x.mean())  # type: ignore[operator]
        return self.head(x) + self.sum + self.exact.to(torch.float32)  # type: ignore[no-any-return]


def test_a_calibration_leaves_buffers_as_they_were() -> None:
    spec = parse_tensor_spec("x", "float32[1,4]{-1.0..1.0}")
    asked = request(
        _Summing().eval().requires_grad_(False),
        {},
        {"random_inputs": "5"},
        fixed_inputs([spec], 1)[0],
        (spec,),
    )
    program = quantize(asked).exported_program
    values = {**program.state_dict, **program.constants}
    (kept,) = (value for name, value in values.items() if name.endswith("sum"))
    assert kept.item() == 0.0
    exact = [value for name, value in values.items() if name.endswith("exact")]
    assert [(one.dtype, one.item()) for one in exact] in ([], [(torch.float64, 1 / 3)])


class _Counting(nn.Module):
    """Adds to its result how often it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 3)
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.calls.add_(1.0)  # type: ignore[operator]
        return self.head(x) + self.calls  # type: ignore[no-any-return]


@pytest.mark.parametrize("recipe", [quantize, quantize_dynamic])
def test_calls_are_counted_beyond_those_of_the_calibration(
    recipe: Callable[[QuantizationRequest], Quantized],
) -> None:
    spec = parse_tensor_spec("x", "float32[1,4]{-1.0..1.0}")
    options = {"random_inputs": "5"} if recipe is quantize else {}
    example = fixed_inputs([spec], 1)[0]
    model = _Counting().eval().requires_grad_(False)
    quantized = recipe(request(model, {}, options, example, (spec,)))
    assert quantized.census.weights_fraction == 1.0
    called = quantized.exported_program.module()
    results = [called(*example) for _ in range(20)]
    steps = [float((after - before).mean()) for before, after in zip(results, results[1:])]
    assert steps == pytest.approx([1.0] * 19, abs=1e-5)
    expected = model.head(*example) + 1.0
    assert torch.allclose(results[0], expected, atol=0.05)
