from __future__ import annotations

import json
from typing import Any

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.model_request import ModelRequest, WeightsRequest
from pte_foundry.records.tensor_spec import TensorSpec


def _request() -> dict[str, Any]:
    return {
        "model": {
            "name": "m",
            "builder": "some.builder",
            "inputs": {"z": "float32[1,2]", "a": "int64[3]"},
            "weights": {"source": "official", "file": "weights/m.pth"},
        },
        "backend": "some",
        "lowering": "some.backend",
        "precision": "fp32",
        "options": {"key": "value"},
        "rewrites": ["b.second", "a.first"],
    }


def _read(request: dict[str, Any]) -> ExportRequest:
    return ExportRequest.read(Fields(request, "export_request.json"))


def test_reads_every_field_and_keeps_the_order() -> None:
    assert _read(_request()) == ExportRequest(
        model=ModelRequest(
            "m",
            "some.builder",
            (TensorSpec("z", "float32", (1, 2)), TensorSpec("a", "int64", (3,))),
            WeightsRequest("official", "weights/m.pth"),
        ),
        backend="some",
        lowering="some.backend",
        precision="fp32",
        options={"key": "value"},
        rewrites=("b.second", "a.first"),
    )


def test_what_says_nothing_is_left_out_of_the_json() -> None:
    """It is in the key of every export."""
    assert json.dumps(_read(_request()).to_json()) == json.dumps(_request())


def test_seeded_weights_have_no_file() -> None:
    seeded = {"source": "seeded"}
    assert WeightsRequest.read(Fields(seeded, "weights")) == WeightsRequest("seeded", None)
    with pytest.raises(PteError, match="seeded weights, which have no file"):
        WeightsRequest.read(Fields({**seeded, "file": "x"}, "weights"))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("model",), [], "`model` is a list, not an object"),
        (("model", "name"), "", "model: `name` is '', not a non-empty string"),
        (("model", "inputs"), {}, "model: `inputs` is empty: a model has at least one input"),
        (("model", "inputs", "z"), 3, "model: inputs: `z` is 3, not a non-empty string"),
        (("model", "weights", "source"), "guess", "model: weights: `source` is 'guess', not one"),
        (("model", "weights", "file"), None, "model: weights: `file` is None, not a non-empty"),
        (("model", "surprise"), 1, "model: `surprise` is not one of name, builder"),
        (("options", "key"), 5, "options: `key` is 5, not a non-empty string"),
        (("rewrites",), "a.b", "`rewrites` is a str, not a list"),
        (("rewrites",), [1], "`rewrites` holds 1, not a non-empty string"),
        (("precision",), None, "`precision` is None, not a non-empty string"),
        (("backend",), "", "`backend` is '', not a non-empty string"),
        (("labels_sha256",), "A" * 64, "not 64 lower-case hexadecimal digits"),
        (("labels_sha256",), None, "`labels_sha256` is None, not a non-empty string"),
        (("stock",), "yes", "`stock` is 'yes', not true or false"),
        (("stock",), None, "`stock` is None, not true or false"),
    ],
)
def test_errors_name_the_field(path: tuple[str, ...], value: object, message: str) -> None:
    request = _request()
    target = request
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    with pytest.raises(PteError) as caught:
        _read(request)
    assert caught.value.kind == "bad-request"
    assert caught.value.message.startswith("export_request.json: ")
    assert message in caught.value.message


@pytest.mark.parametrize(
    "key", ["model", "backend", "lowering", "precision", "options", "rewrites"]
)
def test_missing_fields(key: str) -> None:
    request = _request()
    del request[key]
    with pytest.raises(PteError, match=f"`{key}` is missing"):
        _read(request)


def test_an_export_is_stock_only_where_the_request_says_so() -> None:
    for fields, stock in (({}, False), ({"stock": False}, False), ({"stock": True}, True)):
        assert _read({**_request(), **fields}).stock is stock


def test_labels_are_in_the_json_where_a_model_has_some() -> None:
    request = {**_request(), "labels_sha256": "0a" * 32}
    assert _read(request).labels_sha256 == "0a" * 32
    assert _read(_read(request).to_json()) == _read(request)
    assert _read(_request()).labels_sha256 is None
