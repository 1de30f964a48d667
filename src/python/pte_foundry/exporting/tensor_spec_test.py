from __future__ import annotations

import pytest

from pte_foundry.errors import PteError
from pte_foundry.exporting.tensor_spec import TensorSpec, parse_tensor_spec


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("float32[1,3,224,224]", TensorSpec("x", "float32", (1, 3, 224, 224))),
        ("int64[77]", TensorSpec("x", "int64", (77,))),
        ("bool[]", TensorSpec("x", "bool", ())),
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
