from __future__ import annotations

from typing import Any

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.export_request import ExportRequest
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
        "lowering": "some.backend",
        "precision": "fp32",
        "options": {"key": "value"},
        "rewrites": ["b.second", "a.first"],
    }


def test_reads_every_field_and_keeps_the_order() -> None:
    assert ExportRequest.from_json(_request()) == ExportRequest(
        model=ModelRequest(
            "m",
            "some.builder",
            (TensorSpec("z", "float32", (1, 2)), TensorSpec("a", "int64", (3,))),
            WeightsRequest("official", "weights/m.pth"),
        ),
        lowering="some.backend",
        precision="fp32",
        options={"key": "value"},
        rewrites=("b.second", "a.first"),
    )


def test_seeded_weights_have_no_file() -> None:
    assert WeightsRequest.from_json({"source": "seeded"}) == WeightsRequest("seeded", None)
    with pytest.raises(PteError, match="seeded weights have no file"):
        WeightsRequest.from_json({"source": "seeded", "file": "x"})


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("model",), [], "model: expected an object, found list"),
        (("model", "name"), "", "model.name: expected a non-empty string"),
        (("model", "inputs"), {}, "model.inputs: a model has at least one input"),
        (("model", "inputs", "z"), 3, "model.inputs.z: expected a non-empty string, found 3"),
        (("model", "weights", "source"), "guess", "model.weights.source: 'guess' is not one of"),
        (("model", "weights", "file"), None, "model.weights.file: expected a non-empty string"),
        (("model", "surprise"), 1, "unknown ['surprise']"),
        (("options", "key"), 5, "options.key: expected a non-empty string, found 5"),
        (("rewrites",), "a.b", "rewrites: expected a list, found str"),
        (("rewrites",), [1], "rewrites[0]: expected a non-empty string"),
        (("precision",), None, "precision: expected a non-empty string"),
        (("stock",), "yes", "stock: expected true or false, found 'yes'"),
        (("stock",), None, "stock: expected true or false, found None"),
    ],
)
def test_errors_name_the_field(path: tuple[str, ...], value: object, message: str) -> None:
    request = _request()
    target = request
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    with pytest.raises(PteError) as caught:
        ExportRequest.from_json(request)
    assert caught.value.kind == "bad-request"
    assert message in caught.value.message


@pytest.mark.parametrize("key", ["model", "lowering", "precision", "options", "rewrites"])
def test_missing_fields(key: str) -> None:
    request = _request()
    del request[key]
    with pytest.raises(PteError) as caught:
        ExportRequest.from_json(request)
    assert f"missing ['{key}']" in caught.value.message


def test_an_export_is_stock_only_where_the_request_says_so() -> None:
    for fields, stock in (({}, False), ({"stock": False}, False), ({"stock": True}, True)):
        assert ExportRequest.from_json({**_request(), **fields}).stock is stock
