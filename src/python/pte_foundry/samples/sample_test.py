from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.tensor_spec import parse_tensor_spec
from pte_foundry.samples.sample import read_sample

IMAGE = (parse_tensor_spec("image", "float32[1,2,3]{0.0..1.0}"),)
TEXT = (
    parse_tensor_spec("tokens", "int64[1,n=1..4]{0..9}"),
    parse_tensor_spec("mask", "bool[1,n=1..4]"),
)
GOOD = np.linspace(0, 1, 6, dtype=np.float32).reshape(1, 2, 3)


def text(tokens: Any = ((1, 9),), mask: Any = ((True, False),), **more: Any) -> dict[str, Any]:
    return {"tokens": np.array(tokens), "mask": np.array(mask), **more}


def test_the_only_input_needs_no_name(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GOOD)
    np.savez(tmp_path / "a.npz", image=GOOD)
    for name in ("a.npy", "a.npz"):
        (found,) = read_sample(IMAGE, tmp_path / name, name)
        assert np.array_equal(found, GOOD)


@pytest.mark.parametrize("sizes", [1, 2, 4])
def test_several_come_in_the_order_of_the_model(tmp_path: Path, sizes: int) -> None:
    np.savez(tmp_path / "a.npz", mask=np.ones((1, sizes), bool), tokens=np.zeros((1, sizes), int))
    tokens, mask = read_sample(TEXT, tmp_path / "a.npz", "a.npz")
    assert tokens.dtype == np.int64 and mask.dtype == np.bool_
    assert tokens.shape == mask.shape == (1, sizes)


def changed(value: float) -> Any:
    array = GOOD.copy()
    array[0, 1, 1] = value
    return array


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (GOOD.astype(np.float64), r"float64\[1,2,3\], but float32.*array.astype\(\"float32\"\)"),
        (GOOD[0], r"'image' is float32\[2,3\], but float32\[1,2,3\].*with all dimensions"),
        (np.concatenate([GOOD, GOOD]), r"'image' is float32\[2,2,3\], but"),
        (changed(np.nan), "'image' has NaN in it"),
        (changed(np.inf), "'image' has an infinity in it"),
        (changed(255.0), r"values from 0.0 to 255.0, but is float32\[1,2,3\]\{0.0..1.0\}"),
        (changed(-0.5), "values from -0.5 to 1.0"),
        (np.array(["a"]), "'image' is str"),
    ],
)
def test_an_array_that_the_model_cannot_take(tmp_path: Path, array: Any, told: str) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(PteError, match=f"bad-sample: a.npy: .*{told}"):
        read_sample(IMAGE, tmp_path / "a.npy", "a.npy")


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"tokens": np.zeros((1, 2), int)}, "lacks mask; its arrays are tokens. Save the inputs"),
        ({}, r"lacks tokens, mask; its arrays are none.*np.savez\(file, tokens=..., mask=...\)"),
        ({"arr_0": np.zeros((1, 2), int)}, "lacks tokens, mask; its arrays are arr_0"),
        (text(extra=GOOD), "has extra too"),
        (text(tokens=((1, 10),)), "values from 1 to 10"),
        (text(tokens=((1.0, 9.0),)), r"'tokens' is float64\[1,2\]"),
        (text(tokens=((1, 2, 3, 4, 5),)), r"'tokens' is int64\[1,5\]"),
        (text(tokens=((1, 2, 3),)), r"'mask' is bool\[1,2\]"),
    ],
)
def test_arrays_that_the_model_cannot_take(
    tmp_path: Path, arrays: dict[str, Any], told: str
) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(PteError, match=f"bad-sample: a.npz: .*{told}"):
        read_sample(TEXT, tmp_path / "a.npz", "a.npz")


def test_one_array_for_a_model_of_two_inputs(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GOOD)
    with pytest.raises(PteError, match="holds one array, but the model takes tokens, mask"):
        read_sample(TEXT, tmp_path / "a.npy", "a.npy")


def test_a_size_is_compared_before_memory_is_taken(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GOOD)
    content = (tmp_path / "a.npy").read_bytes()
    assert b"(1, 2, 3)" in content
    (tmp_path / "a.npy").write_bytes(content.replace(b"(1, 2, 3)", b"(9**15, )"[:9]))
    with pytest.raises(PteError, match="bad-sample: a.npy cannot be read"):
        read_sample(IMAGE, tmp_path / "a.npy", "a.npy")
    (tmp_path / "a.npy").write_bytes(content.replace(b"(1, 2, 3)", b"(999999,)"))
    with pytest.raises(PteError, match=r"'image' is float32\[999999\], but"):
        read_sample(IMAGE, tmp_path / "a.npy", "a.npy")
