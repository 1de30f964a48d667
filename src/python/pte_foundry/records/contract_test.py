from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.contract import Contract
from pte_foundry.records.declared import Declared
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.report import Report, build_report
from pte_foundry.testing.reports import SHA, sample_declared, sample_facts

_PICTURE = {
    "name": "image",
    "shape": [1, 3, 8, 8],
    "dtype": "float32",
    "layout": "NCHW",
    "normalisation": {
        "scale": "1/255",
        "mean": [0.485, 0.5, 0.0],
        "std": [1.0, 0.1, 0.229],
        "colour": "RGB",
        "resize": 'shorter side to 8, "bicubic"',
    },
}
_TOKENS = {
    "name": "größe",
    "shape": [1, 128],
    "dtype": "int64",
    "layout": "NS",
    "normalisation": None,
    "dynamic": [{"axis": 1, "name": "seq", "low": 1, "high": 128}],
    "values": [0, 999],
}
_CONTRACT = Contract(
    model="m",
    backend="xnnpack",
    precision="fp32",
    labels_sha256=SHA,
    inputs=(_PICTURE, _TOKENS),
    outputs=({"name": "scores", "description": "two scores"}, {"name": "b", "description": "b"}),
)


def test_names_are_methods_of_their_own() -> None:
    methods = _CONTRACT.methods()
    assert list(methods) == [
        "get_contract",
        "get_model_name",
        "get_input_names",
        "get_output_names",
    ]
    assert methods["get_model_name"] == ("m",)
    assert methods["get_input_names"] == ("image", "größe")
    assert methods["get_output_names"] == ("scores", "b")


def test_the_contract_is_one_line_of_canonical_json() -> None:
    (text,) = _CONTRACT.methods()["get_contract"]
    assert text.isascii() and "\n" not in text
    read = json.loads(text)
    assert read == {
        "schema_version": 1,
        "model": "m",
        "backend": "xnnpack",
        "precision": "fp32",
        "labels_sha256": SHA,
        "inputs": [_PICTURE, _TOKENS],
        "outputs": [
            {"name": "scores", "description": "two scores"},
            {"name": "b", "description": "b"},
        ],
    }
    assert text == json.dumps(read, sort_keys=True, separators=(",", ":"))


def test_what_was_read_states_the_same() -> None:
    (text,) = _CONTRACT.methods()["get_contract"]
    assert Contract.read(Fields.of(json.loads(text), "a contract")).methods() == _CONTRACT.methods()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda it: it.update(schema_version=2), "`schema_version` is 2, and not 1"),
        (lambda it: it.update(labels_sha256="x"), "`labels_sha256` is 'x', not 64 lower-case"),
        (lambda it: it.pop("inputs"), "`inputs` is missing"),
        (lambda it: it["inputs"][0].update(shape="8"), "`shape` is a str, not a list"),
        (lambda it: it["outputs"][0].pop("description"), "`description` is missing"),
    ],
)
def test_other_json_is_no_contract(change: Callable[[Any], object], message: str) -> None:
    content: Any = json.loads(_CONTRACT.methods()["get_contract"][0])
    change(content)
    with pytest.raises(PteError) as caught:
        Contract.read(Fields.of(content, "a contract"))
    assert caught.value.kind == "bad-request" and message in caught.value.message


def test_a_report_that_was_read_again_has_the_same_contract() -> None:
    facts = sample_facts(inputs=[_PICTURE, _TOKENS])
    declared = Declared.read(Fields(sample_declared(), "declared.json"))
    report = build_report(declared, Fields(facts, "facts.json"))
    again = Report.read(Fields(json.loads(json.dumps(report.to_json())), "report.json"))
    assert again.contract.methods() == report.contract.methods()
    contract = json.loads(report.contract.methods()["get_contract"][0])
    assert contract["inputs"] == [_PICTURE, _TOKENS]
    assert contract["outputs"] == [{"name": "logits", "description": "class scores"}]
    assert (contract["model"], contract["backend"]) == ("mobilenet_v3_small", "xnnpack")
    assert contract["labels_sha256"] == SHA


def test_a_model_without_labels() -> None:
    declared = Declared.read(Fields(sample_declared(labels=None), "declared.json"))
    report = build_report(declared, Fields(sample_facts(), "facts.json"))
    assert report.contract.labels_sha256 is None
