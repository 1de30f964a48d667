from __future__ import annotations

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.tensor_spec import (
    DynamicDim,
    TensorSpec,
    dimension_ranges,
    parse_tensor_spec,
    shape_at,
)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("float32[1,3,224,224]", TensorSpec("x", "float32", (1, 3, 224, 224))),
        ("int64[77]", TensorSpec("x", "int64", (77,))),
        ("bool[]", TensorSpec("x", "bool", ())),
        ("int64[1,seq=1..8]", TensorSpec("x", "int64", (1, 8), (DynamicDim(1, "seq", 1, 8),))),
        ("uint8[2]{0..255}", TensorSpec("x", "uint8", (2,), (), (0, 255))),
        ("float32[2]{0.0..1.0}", TensorSpec("x", "float32", (2,), (), (0.0, 1.0))),
        ("float16[2]{-2.5..65504.0}", TensorSpec("x", "float16", (2,), (), (-2.5, 65504.0))),
        ("float64[2]{1e-07..1e+300}", TensorSpec("x", "float64", (2,), (), (1e-7, 1e300))),
        (
            "int8[n=2..3]{-5..5}",
            TensorSpec("x", "int8", (3,), (DynamicDim(0, "n", 2, 3),), (-5, 5)),
        ),
    ],
)
def test_round_trip(text: str, spec: TensorSpec) -> None:
    assert parse_tensor_spec("x", text) == spec
    assert str(spec) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "grammar"),
        ("float32", "grammar"),
        ("float32[1,3", "grammar"),
        ("float32[1, 3]", "grammar"),
        ("float32[-1,3]", "grammar"),
        ("float32[1,3]\n", "grammar"),
        ("float32[\u0661]", "grammar"),
        ("float32[1,,3]", "a dimension is empty"),
        ("float32[1,]", "a dimension is empty"),
        ("float32[0,3]", "positive"),
        ("complex64[1]", "'complex64' is not one of"),
        ("float32[99999999999]", "too large"),
        ("float32[65536,65536]", "elements"),
        ("float32[a=1..65536,b=1..65536]", "elements"),
        ("int64[seq]", "grammar"),
        ("int64[seq=5]", "grammar"),
        ("int64[1..5]", "grammar"),
        ("int64[Seq=1..5]", "grammar"),
        ("int64[seq=5..5]", "range"),
        ("int64[seq=0..5]", "positive"),
        ("int64[1]{5}", "grammar"),
        ("int64[1]{5..4}", "not a range of int64"),
        ("uint8[1]{0..256}", "not a range of uint8"),
        ("int8[1]{-129..0}", "not a range of int8"),
        (
            "float32[1]{0..1}",
            "not a range of float32 numbers: write them with a point, such as {0.0..1.0}",
        ),
        ("float32[1]{0..1.0}", "not a range of float32"),
        ("float32[1]{1.0..1.0}", "not a range of float32"),
        ("float32[1]{1.0..0.0}", "not a range of float32"),
        ("float32[1]{0.0..1e39}", "not a range of float32"),
        ("float16[1]{0.0..65505.0}", "not a range of float16"),
        ("float64[1]{-1e308..1e308}", "not a range of float64"),
        ("float32[1]{0.0..nan}", "grammar"),
        ("float32[1]{0.0..inf}", "grammar"),
        ("float32[1]{.5..1.0}", "grammar"),
        ("int64[1]{0.0..1.0}", "not a range of int64"),
        ("int64[1]{0..1e3}", "not a range of int64"),
        ("bool[1]{0.0..1.0}", "not a range of bool"),
        ("bool[1]{0..1}", "not a range of bool"),
    ],
)
def test_errors_name_the_input_the_text_and_the_reason(text: str, why: str) -> None:
    with pytest.raises(PteError) as caught:
        parse_tensor_spec("image", text)
    assert caught.value.kind == "bad-input-shape"
    assert "'image'" in caught.value.message
    assert repr(text) in caught.value.message
    assert why in caught.value.message
    assert "float32[1,3,224,224]" in caught.value.message


def test_shapes_at_sizes() -> None:
    spec = parse_tensor_spec("x", "float32[a=1..9,3,b=2..7]")
    assert shape_at(spec, {"a": 4}) == (4, 3, 7)
    assert dimension_ranges([spec]) == {"a": (1, 9), "b": (2, 7)}


def test_one_name_is_one_range() -> None:
    specs = [parse_tensor_spec("x", "int8[n=1..4]"), parse_tensor_spec("y", "int8[n=1..5]")]
    with pytest.raises(PteError, match="'y'.*1..4 elsewhere"):
        dimension_ranges(specs)
