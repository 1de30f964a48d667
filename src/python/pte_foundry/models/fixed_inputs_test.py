from __future__ import annotations

import hashlib

import pytest
import torch

from pte_foundry.models.fixed_inputs import fixed_inputs, sizes_to_try
from pte_foundry.records.tensor_spec import DTYPES, TensorSpec, parse_tensor_spec

_IMAGE = TensorSpec("image", "float32", (1, 3, 70, 50))


def test_bits_are_pinned() -> None:
    (image,), (other,) = fixed_inputs([_IMAGE], 2)
    digest = hashlib.sha256(image.numpy().tobytes() + other.numpy().tobytes()).hexdigest()
    assert digest == "7f657f391d3306ed313db57c418158c0659c76971bce336a61eb394d8d07a32c"


def test_pictures_look_like_normalised_pictures() -> None:
    for (image,) in fixed_inputs([TensorSpec("image", "float32", (1, 3, 224, 224))], 4):
        assert image.shape == (1, 3, 224, 224) and image.is_contiguous()
        assert -2.0 <= float(image.min()) < -1.0 and 1.0 < float(image.max()) < 2.0
        assert 0.5 < float(image.std()) < 1.5
        # Patches: what a global average over 32 x 32 pixels sees still varies.
        assert float(torch.nn.functional.avg_pool2d(image, 32).std()) > 0.5
        assert torch.equal(image * 256, (image * 256).round())


def test_sets_and_names_differ_and_counts_are_prefixes() -> None:
    specs = [_IMAGE, TensorSpec("mask", "float32", (1, 3, 70, 50))]
    (a, b), (c, _) = fixed_inputs(specs, 2)
    assert not torch.equal(a, b) and not torch.equal(a, c)
    assert torch.equal(fixed_inputs(specs, 1)[0][0], a)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_element_type(dtype: str) -> None:
    ((tensor,),) = fixed_inputs([TensorSpec("x", dtype, (100,))], 1)
    assert tensor.dtype == getattr(torch, dtype)
    assert len(set(tensor.tolist())) >= (2 if dtype == "bool" else 40)
    if not tensor.dtype.is_floating_point:
        assert int(tensor.min()) >= 0 and int(tensor.max()) < 128


def test_scalar() -> None:
    assert fixed_inputs([TensorSpec("x", "float32", ())], 1)[0][0].shape == ()


@pytest.mark.parametrize(
    "text",
    [
        "uint8[4096]{0..255}",
        "int64[4096]{0..30521}",
        "int32[4096]{-7..7}",
        "int64[4096]{-9223372036854775808..9223372036854775807}",
        "int64[4]{5..5}",
    ],
)
def test_integers_are_of_the_declared_values(text: str) -> None:
    spec = parse_tensor_spec("x", text)
    assert spec.values is not None
    low, high = map(int, spec.values)
    ((values,),) = fixed_inputs([spec], 1)
    assert low <= int(values.min()) and int(values.max()) <= high
    if len(set(values.tolist())) < 1000:
        assert set(values.tolist()) == set(range(low, high + 1))


@pytest.mark.parametrize(
    "text",
    [
        "float32[4096]{0.0..1.0}",
        "float32[1,3,224,224]{0.0..255.0}",
        "float16[4096]{-0.1..0.1}",
        "float16[4096]{0.7..60001.0}",
        "float64[4096]{-1e-300..1e-300}",
        "float32[4096]{0.1..0.3}",
    ],
)
def test_floats_are_of_the_declared_values(text: str) -> None:
    spec = parse_tensor_spec("x", text)
    assert spec.values is not None
    low, high = spec.values
    ((values,),) = fixed_inputs([spec], 1)
    assert values.dtype == getattr(torch, spec.dtype) and values.is_contiguous()
    # In float64, where the ends are what was declared.
    assert low <= float(values.double().min()) and float(values.double().max()) <= high
    assert float(values.double().min()) < low + 0.1 * (high - low)
    assert float(values.double().max()) > high - 0.1 * (high - low)
    assert len(set(values.flatten().tolist())) > 400


def test_a_scalar_of_declared_values() -> None:
    ((value,),) = fixed_inputs([parse_tensor_spec("x", "float32[]{2.0..3.0}")], 1)
    assert value.shape == () and 2.0 <= float(value) <= 3.0


def test_sizes_are_the_ends_and_the_middle_of_their_ranges() -> None:
    specs = [
        parse_tensor_spec("x", "int64[1,n=1..9]"),
        parse_tensor_spec("y", "bool[m=2..4,n=1..9]"),
    ]
    sizes = sizes_to_try(specs)
    assert list(sizes) == ["largest", "smallest", "middle"]
    shapes = [[tuple(x.shape) for x in fixed_inputs(specs, 1, one)[0]] for one in sizes.values()]
    assert shapes == [[(1, 9), (4, 9)], [(1, 1), (2, 1)], [(1, 5), (3, 5)]]
    assert [tuple(x.shape) for x in fixed_inputs(specs, 1)[0]] == shapes[0]
    assert sizes_to_try([parse_tensor_spec("x", "int64[1,9]")]) == {}


@pytest.mark.parametrize("text", ["bool[2,n=1..64]", "int64[2,n=1..64]{0..1}"])
def test_no_mask_hides_everything(text: str) -> None:
    spec = parse_tensor_spec("mask", text)
    for number, size in enumerate((1, 2, 64)):
        mask = fixed_inputs([spec], number + 1, {"n": size})[number][0].to(torch.bool)
        assert mask[:, 0].all() and (size < 64 or not mask.all())
