from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import coremltools  # type: ignore[import-untyped]
import pytest
import torch
from coremltools.proto import Model_pb2  # type: ignore[import-untyped]
from executorch.backends.apple.coreml import executorchcoreml  # type: ignore[import-untyped]
from executorch.backends.apple.coreml.partition.coreml_partitioner import (  # type: ignore[import-untyped]
    CoreMLPartitioner,
)
from torch import nn

from pte_foundry.backends.coreml.canonical import METADATA, PACKAGE, canonical_payload
from pte_foundry.backends.coreml.container import Container, read_container, write_container
from pte_foundry.backends.lowering import LoweringRequest, lower_with
from pte_foundry.errors import PteError
from pte_foundry.inspection.payloads import delegate_payloads

_MODEL = f"{PACKAGE}/Data/com.apple.CoreML/model.mlmodel"
_WEIGHTS = f"{PACKAGE}/Data/com.apple.CoreML/weights/weight.bin"
_MANIFEST = f"{PACKAGE}/Manifest.json"


def _converted() -> bytes:
    """A payload as ExecuTorch makes it."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Hardsigmoid(), nn.Flatten(), nn.Linear(144, 2))
    with torch.no_grad():
        program = torch.export.export(module.eval(), (torch.ones(1, 3, 8, 8),), strict=False)
    lowered = lower_with(LoweringRequest(program, "fp32", {}), [CoreMLPartitioner()])
    (found,) = delegate_payloads(bytes(lowered.program.buffer))
    return found.payload


@pytest.fixture(scope="module")
def raw() -> bytes:
    return _converted()


def _model(container: Container) -> Model_pb2.Model:
    model = Model_pb2.Model()
    model.ParseFromString(container.files[_MODEL])
    return model


def test_two_conversions_differ_and_their_canonical_forms_do_not(raw: bytes) -> None:
    other = _converted()
    assert other != raw
    assert canonical_payload(other) == canonical_payload(raw)


def test_canonicalising_twice_is_once(raw: bytes) -> None:
    once = canonical_payload(raw)
    assert canonical_payload(once) == once


def test_only_the_five_places_change(raw: bytes) -> None:
    before, after = read_container(raw), read_container(canonical_payload(raw))
    assert before.name == after.name
    assert set(before.files) - set(after.files) == {
        "debug_info.json",
        f"{PACKAGE}/executorch_debug_handle_mapping.json",
    }
    assert set(after.files) == {METADATA, _MANIFEST, _MODEL, _WEIGHTS}
    assert after.files[_WEIGHTS] == before.files[_WEIGHTS]

    spec, canonical = _model(before), _model(after)
    assert spec != canonical
    del spec.description.metadata.userDefined["com.github.apple.coremltools.conversion_date"]
    assert spec == canonical

    old, new = (json.loads(each.files[METADATA]) for each in (before, after))
    assert old.pop("identifier") != new.pop("identifier")
    assert old == new and list(old) == list(new)

    old, new = (json.loads(each.files[_MANIFEST]) for each in (before, after))
    assert old["itemInfoEntries"].keys().isdisjoint(new["itemInfoEntries"])
    by_path = [
        {item["path"]: item for item in each["itemInfoEntries"].values()} for each in (old, new)
    ]
    assert by_path[0] == by_path[1]
    roots = [each["itemInfoEntries"][each["rootModelIdentifier"]] for each in (old, new)]
    assert roots[0] == roots[1]


def test_coremltools_reads_the_package(raw: bytes, tmp_path: Path) -> None:
    payload = canonical_payload(raw)
    assert executorchcoreml.unflatten_directory_contents(payload, str(tmp_path))
    package = tmp_path / "lowered_module" / PACKAGE
    spec = coremltools.models.MLModel(str(package), skip_model_load=True).get_spec()
    # What coremltools resolves through the manifest is the model in the payload, and the weights.
    assert spec == _model(read_container(payload))
    operations = spec.mlProgram.functions["main"].block_specializations.popitem()[1].operations
    assert {"conv", "sigmoid_hard", "linear"} <= {operation.type for operation in operations}


def _identifier(payload: bytes) -> str:
    return str(json.loads(read_container(payload).files[METADATA])["identifier"])


@pytest.mark.parametrize("path", [_WEIGHTS, METADATA])
def test_other_content_has_another_identifier(raw: bytes, path: str) -> None:
    container = read_container(raw)
    files = dict(container.files)
    if path == METADATA:
        files[path] = json.dumps({**json.loads(files[path]), "inputNames": ["x"]}).encode()
    else:
        files[path] = files[path][:-1] + bytes([files[path][-1] ^ 1])
    changed = canonical_payload(write_container(replace(container, files=files)))
    assert _identifier(changed) != _identifier(canonical_payload(raw))
    assert _identifier(changed).startswith("executorch_")


def test_a_payload_without_a_package_is_refused() -> None:
    payload = write_container(Container("m", {METADATA: b"{}", "model.mlmodelc/a": b""}))
    with pytest.raises(PteError, match=r"has no .*Manifest.json; it has metadata.json") as caught:
        canonical_payload(payload)
    assert caught.value.kind == "structure"
