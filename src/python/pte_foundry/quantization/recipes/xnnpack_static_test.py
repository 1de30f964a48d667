from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.photographs.decode import read_photograph
from pte_foundry.quantization.recipe import Quantized
from pte_foundry.quantization.recipes.xnnpack_static import check_options, quantize
from pte_foundry.testing.quantization_samples import (
    preprocess,
    request,
    small_detector,
    write_pictures,
)
from pte_foundry.validation.runtime import load_program


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_pictures(tmp_path_factory.mktemp("pictures"), ("a.png", "b.png", "c.png"))


@pytest.fixture(scope="module")
def detector(pictures: Mapping[str, Path]) -> tuple[Quantized, bytes]:
    """The small detector with all pictures and no options, and its program."""
    quantized = quantize(request(small_detector(), pictures))
    return quantized, _lower(quantized)


def _stem() -> nn.Conv2d:
    torch.manual_seed(0)
    stem = nn.Conv2d(3, 8, 3, padding=1, bias=False).eval().requires_grad_(False)
    # With one scale for all, the first channel would be within -2 and 2.
    stem.weight[0].mul_(1e-2)
    return stem


@pytest.fixture(scope="module")
def stem(pictures: Mapping[str, Path]) -> Quantized:
    return quantize(request(_stem(), {"a.png": pictures["a.png"]}, {"observer": "minmax"}))


def _lower(quantized: Quantized) -> bytes:
    with torch.no_grad():
        lowered = xnnpack.lower(LoweringRequest(quantized.exported_program, "int8", {}))
    return bytes(lowered.program.buffer)


def _constants(quantized: Quantized) -> dict[str, list[float]]:
    """Scale and zero point of every tensor, by the name of its node."""
    return {
        node.name: [float(value) for value in node.args[1:3]]
        for node in quantized.exported_program.graph.nodes
        if "quantize_per_tensor" in str(node.target)
    }


def test_the_program_is_all_integer_and_runs_like_the_float_model(
    pictures: Mapping[str, Path], detector: tuple[Quantized, bytes]
) -> None:
    model = small_detector()
    images = [preprocess(read_photograph(path)) for path in pictures.values()]
    expected = [model(*image) for image in images]
    quantized, pte = detector
    assert quantized.census.weights_fraction == quantized.census.compute_fraction == 1.0
    assert quantized.census.in_float == {}
    assert quantized.census.quantized == {
        "aten.add": 1,
        "aten.cat": 1,
        "aten.conv2d": 4,
        "aten.max_pool2d": 1,
        "aten.mul": 2,
        "aten.sigmoid": 2,
        "aten.slice": 3,
    }
    facts = inspect_program(pte)
    assert (facts.delegate_calls, facts.undelegated_total) == (1, 0)
    program = load_program(pte)
    for image, one in zip(images, expected):
        (found,) = program.run(image)
        assert float(one.max() - one.min()) > 1.0, "an output that hardly varies proves nothing"
        assert cosine_similarity(found.flatten(), one.flatten(), dim=0) > 0.999


def test_layers_that_stay_in_float(pictures: Mapping[str, Path]) -> None:
    census = quantize(request(small_detector(), pictures, {"float_modules": "head"})).census
    # 64 of 64 + 64 + 144 + 216 elements, at a quarter of the pixels.
    assert census.weights_fraction == pytest.approx(424 / 488)
    assert census.compute_fraction == pytest.approx(424 / (424 + 16))
    assert census.in_float == {"aten.conv2d": 1}


def test_own_operators_stay_in_float_with_cat_and_slices(pictures: Mapping[str, Path]) -> None:
    outer = nn.Sequential(small_detector())
    quantized = quantize(request(outer, pictures, {"float_own": "0"}))
    assert quantized.census.compute_fraction == 1.0
    # conv2d and max_pool2d belong to modules of their own; the pooling's input is float.
    assert set(quantized.census.quantized) == {"aten.conv2d"}
    assert set(quantized.census.in_float) == {
        *("aten.add", "aten.cat", "aten.max_pool2d", "aten.mul", "aten.sigmoid", "aten.slice")
    }
    assert load_program(_lower(quantized))


def test_bytes_depend_on_neither_threads_nor_order(
    pictures: Mapping[str, Path], detector: tuple[Quantized, bytes]
) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if threads > 1 else 2)
    try:
        backwards = dict(reversed(list(pictures.items())))
        assert _lower(quantize(request(small_detector(), backwards))) == detector[1]
    finally:
        torch.set_num_threads(threads)


def test_other_pictures_more_crops_and_another_observer_give_other_ranges(
    pictures: Mapping[str, Path], stem: Quantized
) -> None:
    few = _constants(stem)
    one = {"a.png": pictures["a.png"]}
    for files, options in (
        (pictures, {"observer": "minmax"}),
        (one, {"observer": "minmax", "crops": "8"}),
        (one, {"observer": "histogram"}),
    ):
        other = _constants(quantize(request(_stem(), files, options)))
        assert other.keys() == few.keys()
        assert other != few


def test_weights_have_a_scale_for_each_channel(stem: Quantized) -> None:
    (weight,) = (
        one
        for one in stem.exported_program.state_dict.values()
        if one.dtype is torch.int8 and tuple(one.shape) == (8, 3, 3, 3)
    )
    assert weight.abs().amax((1, 2, 3)).tolist() == [127] * 8


class _Attention(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        rows = image.flatten(2)
        return torch.bmm(rows.transpose(1, 2), rows)


def test_a_product_that_the_quantizer_does_not_know(pictures: Mapping[str, Path]) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), _Attention()).eval().requires_grad_(False)
    with pytest.raises(PteError, match=r"lowering-failed.*aten\.bmm in 1 .*`float_operators`"):
        quantize(request(model, pictures))
    for options in ({"float_operators": "aten.bmm"}, {"float_modules": "1"}, {"float_own": "1"}):
        census = quantize(request(model, pictures, options)).census
        assert census.in_float["aten.bmm"] == 1
        assert 0 < census.compute_fraction < 1


def test_a_module_that_does_not_exist(pictures: Mapping[str, Path]) -> None:
    with pytest.raises(PteError, match="bad-option.*'haed'.*stem, branch, mix, pool, head"):
        quantize(request(small_detector(), pictures, {"float_modules": "haed"}))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("crops", "-1"),
        ("crops", "65"),
        ("crops", "many"),
        ("float_modules", ""),
        ("float_modules", "a,,b"),
        ("float_own", "a..b"),
        ("float_operators", "bmm"),
        ("float_operators", "aten.bmm.default"),
        ("observer", "MinMax"),
    ],
)
def test_bad_values_are_refused(option: str, value: str) -> None:
    with pytest.raises(PteError, match=f"bad-option.*{option}"):
        check_options({option: value})


def test_good_values_are_not() -> None:
    check_options({})
    check_options(
        {
            "crops": "4",
            "float_modules": "model.*.cv2, head",
            "float_operators": "aten.bmm",
            "float_own": "model.23",
            "observer": "histogram",
        }
    )
