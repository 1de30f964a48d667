"""Every record is read as it was written: found in the package, so that none can be forgotten."""

from __future__ import annotations

import importlib
import json
import pkgutil
import typing
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Union

import pytest

from pte_foundry import records
from pte_foundry.records.contract import Contract
from pte_foundry.records.device_result import CaseParity
from pte_foundry.records.facts import Facts, Tensor
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.model_request import WeightsRequest
from pte_foundry.records.report import Report
from pte_foundry.records.tensor_spec import DynamicDim, TensorSpec, parse_tensor_spec

# No JSON objects of their own: the reader of all records, and a tensor's type, which is a text.
NO_OBJECTS = (Fields, DynamicDim, TensorSpec)

# Where not any text or number will do.
VALUES: Mapping[str, Any] = {
    "backend": "xnnpack",
    "base_url": "https://example.org/models",
    "builder_uri": "https://ci.example.org",
    "date": "2026-11-30",
    "files": {"a/b.pte": "0c" * 32},
    "labels_sha256": "0d" * 32,
    "generated": "1970-01-01T00:00:00Z",
    "platforms": ("linux", "web"),
    "sha256": "0a" * 32,
    "source": "official",
    "source_commit": "0b" * 20,
    "versions": {"executorch": "1.4.1"},
    "photographs": {"cat.png": "cat"},
    "calibration_paths": ("calibration/a.jpg", "calibration/b.jpg"),
    "cpu_seconds": None,
}
SPEC = parse_tensor_spec("tokens", "int64[1,seq=1..128]{0..999}")
TENSOR = {"name": "image", "dtype": "float32", "shape": [1, 3], "layout": "NCHW"}


def record_types() -> Iterator[type]:
    for module_info in pkgutil.iter_modules(records.__path__):
        if module_info.name.endswith("_test"):
            continue
        module = importlib.import_module(f"{records.__name__}.{module_info.name}")
        for value in vars(module).values():
            if (
                is_dataclass(value)
                and isinstance(value, type)
                and value.__module__ == module.__name__
            ):
                yield value


RECORDS = [each for each in record_types() if each not in NO_OBJECTS]


def sample(kind: type, full: bool) -> Any:
    """A record with a value in every field; None and nothing where that may be, if not `full`."""
    if kind is Tensor:
        return Tensor.read(Fields(TENSOR, "a tensor"))
    if kind is Contract:
        labels = VALUES["labels_sha256"] if full else None
        outputs = ({"name": "scores", "description": "of each class"},)
        return Contract("text", "xnnpack", "fp32", labels, (TENSOR,), outputs)
    if kind is WeightsRequest and not full:
        return WeightsRequest("seeded", None)
    hints = typing.get_type_hints(kind)
    values = {each.name: _value(kind, each.name, hints[each.name], full) for each in fields(kind)}
    if kind.__name__ == "Weights" and not full:
        values |= {"source": "seeded", "sha256": None, "size": None}
    if kind.__name__ in ("Checks", "TrainedChecks") and not full:
        # One threshold at least.
        values |= {next(iter(values)): 0.5}
    if kind is CaseParity:
        # One of the two.
        values["passed"] = None if full else False
    return kind(**values)


def _value(kind: type, name: str, hint: Any, full: bool) -> Any:
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) in (Union, UnionType):
        (hint,) = (each for each in arguments if each is not type(None))
        if not full or name == "cpu_seconds":
            return None
        return _value(kind, name, hint, full)
    if name == "calibration" and arguments == (str, ...):
        return VALUES["calibration_paths"]
    if kind.__name__ == "Origin" and name == "builder":
        return VALUES["builder_uri"]
    if name in VALUES and not is_dataclass(hint):
        return VALUES[name]
    origin = typing.get_origin(hint)
    if origin is tuple:
        return (_value(kind, "", arguments[0], full),)
    if origin is not None and issubclass(origin, Mapping):
        return {"a": _value(kind, "", arguments[1], full)}
    if hint is TensorSpec:
        return SPEC
    if is_dataclass(hint):
        return sample(typing.cast(type, hint), full)
    return {str: "text", int: 1, float: 0.5, bool: full}[hint]


@pytest.mark.parametrize("full", [True, False], ids=["full", "spare"])
@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_what_is_written_is_read(kind: Any, full: bool) -> None:
    record = sample(kind, full)
    written = json.loads(json.dumps(record.to_json()))
    assert kind.read(Fields(written, "a record")) == record


def test_the_records_are_found() -> None:
    assert {Facts, Report, WeightsRequest} <= set(RECORDS)
    names = [each.__name__ for each in record_types()]
    assert sorted(names) == sorted(set(names))
