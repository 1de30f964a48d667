"""The working directory of a validation, with a program in it that was really exported."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from pte_foundry.exporting.export import ExportResult, export
from pte_foundry.records.declared import Declared
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import write_json
from pte_foundry.records.report import build_report
from pte_foundry.testing.colour_classifier import LABELS, SIDE, trained_state
from pte_foundry.testing.reports import NO_FLOOR, SHA, sample_declared
from pte_foundry.validation.case import Case
from pte_foundry.validation.request import ValidationRequest
from pte_foundry.validation.validate import validate

ADDRESS = "models/colour:colour_xnnpack_test"
_TRAINED = {"source": "substitute", "file": "weights/colours.pth"}
CHECKS: dict[str, Any] = {
    "min_cosine": 0.9999,
    "max_abs_difference": 1e-4,
    "photographs": {"rose.png": "red", "leaf.png": "green"},
    "trained": None,
    # The models have few parameters, so their files are mostly structure.
    "max_size_ratio": 200.0,
    "max_planned_memory_ratio": 20.0,
}
ABSENT = "AbsentsBackend"
"""A delegate that this machine's runtime lacks, with a name as long as XNNPACK's."""


def model_request(weights: Mapping[str, object] = _TRAINED) -> dict[str, object]:
    return {
        "name": "colour",
        "builder": "pte_foundry.testing.colour_classifier",
        "inputs": {"image": f"float32[1,3,{SIDE},{SIDE}]"},
        "weights": dict(weights),
    }


def export_colours(
    folder: Path, backend: str, scale: float = 1.0, weights: Mapping[str, object] = _TRAINED
) -> ExportResult:
    """Export the colour classifier, with trained weights multiplied by `scale`."""
    write_checkpoint(folder, scale)
    return export(
        ExportRequest.read(
            Fields(
                {
                    "model": model_request(weights),
                    "backend": backend,
                    "lowering": _lowering(backend),
                    "precision": importlib.import_module(_lowering(backend)).PRECISIONS[0],
                    "options": {},
                    "rewrites": [],
                    "labels_sha256": SHA,
                },
                "export_request.json",
            )
        ),
        folder,
    )


def _lowering(backend: str) -> str:
    return f"pte_foundry.backends.{backend}.lowering"


def write_checkpoint(folder: Path, scale: float = 1.0) -> None:
    (folder / "weights").mkdir(exist_ok=True)
    state = {name: value * scale for name, value in trained_state().items()}
    torch.save(state, folder / "weights" / "colours.pth")


@dataclass
class Workspace:
    """A folder with checkpoint, pictures, labels, program.pte and report.json.

    Tests change `request` and `report` before `run`.
    """

    folder: Path
    pte: bytes
    request: dict[str, Any]
    report: dict[str, Any]

    def write(self) -> None:
        (self.folder / "program.pte").write_bytes(self.pte)
        write_json(self.folder / "report.json", self.report)
        write_json(self.folder / "validation_request.json", self.request)

    def run(self) -> dict[str, Case]:
        """Validate, and return the cases by name."""
        self.write()
        fields = Fields(self.request, "validation_request.json")
        request = ValidationRequest.read(fields, self.folder)
        return {case.name: case for case in validate(request, self.pte)}

    def replace_program(self, pte: bytes) -> None:
        """Exchange the bytes, and let the report's digest follow them."""
        self.pte = pte
        self.report |= {"sha256": hashlib.sha256(pte).hexdigest(), "size": len(pte)}

    def remove_runtime(self) -> None:
        """Let the program call a delegate that this machine's runtime lacks."""
        assert len(ABSENT) == len("XnnpackBackend")  # So the flatbuffer's offsets stay right.
        self.replace_program(self.pte.replace(b"XnnpackBackend", ABSENT.encode()))
        delegation = self.report["delegation"]
        delegation["delegates"] = {ABSENT: delegation["delegates"]["XnnpackBackend"]}
        self.report["delegate"] = ABSENT


def failed_kinds(cases: Mapping[str, Case]) -> dict[str, str]:
    """Name -> kind of every failed case."""
    return {name: case.kind for name, case in cases.items() if case.status == "failed"}


def make_workspace(
    folder: Path, exported: ExportResult, backend: str = "xnnpack", source: str = "substitute"
) -> Workspace:
    """A workspace in which every check passes."""
    write_checkpoint(folder)
    (folder / "photographs").mkdir()
    for name, colour in (("rose.png", (200, 30, 20)), ("leaf.png", (10, 180, 40))):
        Image.new("RGB", (24, 20), colour).save(folder / "photographs" / name)
    (folder / "labels.txt").write_text("\n".join(LABELS), encoding="utf-8")
    facts = Fields(exported.facts, "facts.json")
    sample: Any = sample_declared()
    weights = {
        **sample["weights"],
        "source": source,
        "sha256": None if source == "seeded" else SHA,
    }
    declared = sample_declared(
        address=ADDRESS.removesuffix("_test"),
        model="colour",
        family="colour",
        backend=backend,
        precision=facts.text("precision"),
        weights=weights,
        delegate=next(iter(facts.nested("delegation").nested("delegates").values), None),
        floor=NO_FLOOR,
        checks=CHECKS,
    )
    report = report_of(declared, exported)
    request: dict[str, Any] = {
        "address": ADDRESS,
        "model": model_request({"source": "seeded"} if source == "seeded" else _TRAINED),
        "pte": "program.pte",
        "report": "report.json",
        "labels": "labels.txt",
        "photographs": {
            f"photographs/{name}": label for name, label in CHECKS["photographs"].items()
        },
        "quantized_export": None,
        "interpreter": None,
        "limits": {"seconds": 60, "memory_mb": 1024},
    }
    return Workspace(folder, exported.pte, request, report)


def report_of(declared: Mapping[str, object], exported: ExportResult) -> dict[str, Any]:
    read = Declared.read(Fields(declared, "declared.json"))
    return build_report(read, Fields(exported.facts, "facts.json")).to_json()
