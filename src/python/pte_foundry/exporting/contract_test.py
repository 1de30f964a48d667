"""What a program says about itself, as an app reads it that has ExecuTorch and nothing of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    deserialize_pte_binary,
)

from pte_foundry.backends.coreml import lowering as coreml
from pte_foundry.backends.lowering import Lowered, LoweringRequest
from pte_foundry.backends.portable import lowering as portable
from pte_foundry.backends.vulkan import lowering as vulkan
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.errors import PteError
from pte_foundry.exporting.export import export
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.model_request import ModelRequest, WeightsRequest
from pte_foundry.records.tensor_spec import parse_tensor_spec
from pte_foundry.rewrites import float_hardsigmoid
from pte_foundry.testing import colour_classifier, tiny_builder

_LABELS = "0a" * 32
# -I: no PYTHONPATH and no folder of ours to import from.
_APP = """
import json
import sys

import torch
from executorch.runtime import Runtime

assert "pte_foundry" not in sys.modules
program = Runtime.get().load_program(sys.argv[1])


def ask(name):
    return program.load_method(name).execute([])


contract = json.loads(ask("get_contract")[0])
shape = contract["inputs"][0]["shape"]
print(json.dumps({
    "methods": sorted(program.method_names),
    "name": ask("get_model_name"),
    "inputs": ask("get_input_names"),
    "outputs": ask("get_output_names"),
    "contract": contract,
    "scores": list(program.load_method("forward").execute([torch.zeros(shape)])[0].shape),
}))
"""


def _request(backend: ModuleType, builder: ModuleType, side: int) -> ExportRequest:
    return ExportRequest(
        model=ModelRequest(
            name="tiny",
            builder=builder.__name__,
            inputs=(parse_tensor_spec("image", f"float32[1,3,{side},{side}]{{0.0..1.0}}"),),
            weights=WeightsRequest("seeded", None),
        ),
        backend=backend.__name__.split(".")[-2],
        lowering=backend.__name__,
        precision=backend.PRECISIONS[0],
        options={},
        rewrites=(float_hardsigmoid.__name__,),
        labels_sha256=_LABELS,
    )


def _read(pte: bytes, folder: Path) -> Any:
    path = folder / "program.pte"
    path.write_bytes(pte)
    run = subprocess.run(
        [sys.executable, "-I", "-c", _APP, str(path)],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize("backend", [portable, xnnpack], ids=["portable", "xnnpack"])
def test_a_plain_app_reads_it(backend: ModuleType, tmp_path: Path) -> None:
    exported = export(_request(backend, colour_classifier, 16), tmp_path)
    read = _read(exported.pte, tmp_path)
    assert read["methods"] == [
        "forward",
        "get_contract",
        "get_input_names",
        "get_model_name",
        "get_output_names",
    ]
    assert (read["name"], read["inputs"], read["outputs"]) == (["tiny"], ["image"], ["logits"])
    assert read["scores"] == [1, 3]
    assert read["contract"] == {
        "schema_version": 1,
        "model": "tiny",
        "backend": backend.__name__.split(".")[-2],
        "precision": "fp32",
        "labels_sha256": _LABELS,
        "inputs": exported.facts["inputs"],
        "outputs": [{"name": "logits", "description": "one score a colour"}],
    }
    (image,) = read["contract"]["inputs"]
    assert image["values"] == [0.0, 1.0]
    assert image["normalisation"] == {
        "scale": "1/255",
        "mean": [0.0, 0.0, 0.0],
        "std": [1.0, 1.0, 1.0],
        "colour": "RGB",
        "resize": "top left corner",
    }


@pytest.mark.parametrize("backend", [portable, xnnpack, coreml, vulkan])
def test_nothing_else_of_the_program_changes(
    backend: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = _request(backend, tiny_builder, 8)
    stated = export(request, tmp_path).pte
    lowered: list[bytes] = []

    def lower(asked: LoweringRequest) -> Lowered:
        silent = backend.lower(replace(asked, constant_methods={}))
        lowered.append(bytes(silent.program.buffer))
        return backend.lower(asked)  # type: ignore[no-any-return]

    _module(monkeypatch, backend, lower=lower)
    assert export(replace(request, lowering="both"), tmp_path).pte == stated
    (silent,) = lowered
    assert len(stated) - len(silent) < 4000
    first, second = deserialize_pte_binary(silent), deserialize_pte_binary(stated)
    for plan in second.program.execution_plan[1:]:
        assert not plan.inputs and not plan.operators and not plan.delegates
    del second.program.execution_plan[1:]
    assert second == first


def _module(
    monkeypatch: pytest.MonkeyPatch, backend: ModuleType, **members: object
) -> Mapping[str, object]:
    module = ModuleType("both")
    vars(module).update({**vars(backend), "__name__": "both", **members})
    monkeypatch.setitem(sys.modules, "both", module)
    return vars(module)


def test_a_backend_that_states_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lower(asked: LoweringRequest) -> Lowered:
        return portable.lower(replace(asked, constant_methods={}))

    _module(monkeypatch, portable, lower=lower)
    request = replace(_request(portable, tiny_builder, 8), lowering="both")
    with pytest.raises(PteError, match="pass it the whole request") as caught:
        export(request, tmp_path)
    assert caught.value.kind == "lowering-failed"


def test_a_model_without_labels_and_pictures(tmp_path: Path) -> None:
    request = replace(_request(portable, tiny_builder, 8), labels_sha256=None)
    stated = inspect_program(export(request, tmp_path).pte).constant_methods
    contract = json.loads(stated["get_contract"][0])
    assert contract["labels_sha256"] is None
    assert contract["inputs"][0]["normalisation"] is None
