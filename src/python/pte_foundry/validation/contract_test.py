from __future__ import annotations

import json
from typing import Any

import pytest

from pte_foundry.records.contract import Contract
from pte_foundry.validation.contract import contract_outcome

_CONTRACT = Contract(
    "m",
    "xnnpack",
    "fp32",
    None,
    ({"name": "image", "dtype": "float32", "shape": [1, 3, 8, 8], "layout": "NCHW"},),
    ({"name": "scores", "description": "two scores"},),
)


def _problems(**changes: Any) -> tuple[str, ...]:
    found = {**_CONTRACT.methods(), **changes}
    return contract_outcome(
        _CONTRACT, {name: texts for name, texts in found.items() if texts is not None}
    ).problems


def _with(**changes: object) -> tuple[str]:
    return (json.dumps({**_CONTRACT.to_json(), **changes}, sort_keys=True, separators=(",", ":")),)


def test_the_same_contract() -> None:
    assert _problems() == ()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"get_contract": None}, "has the methods ['get_input_names', "),
        ({"get_author": ("me",)}, "has the methods ['get_author', "),
        ({"get_model_name": ("n",)}, "get_model_name returns ('n',), but the report says ('m',)"),
        ({"get_input_names": ("image", "b")}, "get_input_names returns ('image', 'b'), but"),
        (
            {"get_contract": _with(precision="fp16")},
            "get_contract: 'precision' is 'fp16' in the program, but the report says 'fp32'",
        ),
        (
            {"get_contract": _with(author="me")},
            "get_contract: 'author' is 'me' in the program, but",
        ),
        (
            {"get_contract": _with(labels_sha256="0a" * 32)},
            f"get_contract: 'labels_sha256' is '{'0a' * 32}' in the program, but the report says None",
        ),
        ({"get_contract": ("{}",)}, "get_contract: 'backend' is None in the program, but"),
        ({"get_contract": ("no JSON",)}, "get_contract returns ('no JSON',), but"),
        ({"get_contract": ("[]",)}, "get_contract returns ('[]',), but"),
        ({"get_contract": ("[" * 100_000,)}, "get_contract returns ('[[[["),
        # Not canonical, or not the same type, although it compares equal.
        ({"get_contract": (json.dumps(_CONTRACT.to_json()),)}, "get_contract returns ("),
        ({"get_contract": _with(schema_version=1.0)}, "get_contract returns ("),
        ({"get_contract": _with(schema_version=True)}, "get_contract returns ("),
    ],
)
def test_another_contract(changes: dict[str, Any], problem: str) -> None:
    first, *_ = found = _problems(**changes)
    assert problem in first
    assert all(one.endswith("build program and report again from one commit") for one in found)
    assert all(len(one) < 2000 for one in found)
