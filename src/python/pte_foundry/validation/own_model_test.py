"""A model that is a file, with two inputs of a dynamic length, from the file to a validated program."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from pte_foundry.exporting.export import export
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.own_samples import TEXT, Sentence, seeded_model
from pte_foundry.testing.reports import NO_FLOOR, SHA, sample_declared
from pte_foundry.testing.workspace import CHECKS, Workspace, report_of


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("own")
    (folder / "weights").mkdir()
    script = torch.jit.script(seeded_model(Sentence))
    script.save(str(folder / "weights/sentence.pt"))  # type: ignore[no-untyped-call]
    model = {
        "name": "sentence",
        "builder": "pte_foundry.models.own.torchscript",
        "inputs": TEXT,
        "weights": {"source": "official", "file": "weights/sentence.pt"},
        "outputs": ["mean_of_words", "words"],
    }
    request = {
        "model": model,
        "lowering": "pte_foundry.backends.xnnpack.lowering",
        "precision": "fp32",
        "options": {},
        "rewrites": [],
    }
    exported = export(ExportRequest.read(Fields(request, "a request")), folder)
    sample: Any = sample_declared()
    declared = sample_declared(
        model="sentence",
        weights={**sample["weights"], "source": "official", "sha256": SHA},
        floor=NO_FLOOR,
        checks={**CHECKS, "photographs": {}, "max_planned_memory_ratio": 100.0},
    )
    report = report_of(declared, exported)
    validation: dict[str, Any] = {
        "address": "models/own:sentence_xnnpack_test",
        "model": model,
        "pte": "program.pte",
        "report": "report.json",
        "labels": None,
        "photographs": {},
        "quantized_export": None,
        "interpreter": "pte_foundry.backends.xnnpack.program",
        "limits": {"seconds": 60, "memory_mb": 1024},
    }
    return Workspace(folder, exported.pte, validation, report)


def test_every_size_is_compared(workspace: Workspace) -> None:
    cases = workspace.run()
    assert not [case for case in cases.values() if case.status == "failed"]
    names = ("largest", "smallest", "middle")
    assert all(cases[f"parity:fixed-{name}"].status == "passed" for name in names)
    # The last one: a new process has to take another size at once.
    assert cases["repeat:fixed-middle"].status == "passed"


def test_the_report_declares_the_dynamic_dimensions(workspace: Workspace) -> None:
    tokens, mask = workspace.report["inputs"]
    length = {"axis": 1, "name": "length", "low": 1, "high": 8}
    assert (tokens["shape"], tokens["dynamic"], tokens["values"]) == ([1, 8], [length], [0, 19])
    assert (mask["dtype"], mask["dynamic"]) == ("bool", [length]) and "values" not in mask
    assert [output["name"] for output in workspace.report["outputs"]] == ["mean_of_words", "words"]


@pytest.mark.parametrize(
    "change", [{"tokens": "int64[1,length=1..7]{0..19}"}, {"tokens": "int64[1,length=1..8]{0..18}"}]
)
def test_a_report_of_another_range_fails(workspace: Workspace, change: dict[str, str]) -> None:
    inputs = {**TEXT, **change}
    inputs["mask"] = inputs["mask"].replace("8", change["tokens"].partition("..")[2][0])
    model = {**workspace.request["model"], "inputs": inputs}
    other = Workspace(
        workspace.folder, workspace.pte, {**workspace.request, "model": model}, workspace.report
    )
    assert other.run()["report"].status == "failed"
