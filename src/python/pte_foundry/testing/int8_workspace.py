"""Test support: the colour classifier in int8, and the working directory of its validation."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pte_foundry.exporting.export import ExportResult, export
from pte_foundry.records.declared import Declared
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.report import build_report
from pte_foundry.records.trained_checks import TrainedChecks
from pte_foundry.testing.workspace import (
    MEMORY_RATIO,
    SIZE_RATIO,
    Workspace,
    make_workspace,
    model_request,
    write_checkpoint,
)

Colour = tuple[int, int, int]

# The good program is within a third of these bounds.
CHECKS: dict[str, Any] = {
    "min_cosine": 0.9998,
    "max_abs_difference": 0.15,
    "photographs": {"rose.png": "red", "leaf.png": "green"},
    "trained": {
        **dict.fromkeys(field.name for field in fields(TrainedChecks)),
        "min_trained_cosine": 0.9998,
        "min_top1_agreement": 1.0,
    },
    "max_size_ratio": SIZE_RATIO,
    "max_planned_memory_ratio": MEMORY_RATIO,
}
_CALIBRATION: tuple[Colour, ...] = (
    (250, 20, 30),
    (20, 250, 10),
    (10, 20, 250),
    (240, 240, 240),
    (10, 10, 10),
    (120, 100, 110),
)
_JUDGED: dict[str, Colour] = {
    "rose.png": (200, 30, 20),
    "leaf.png": (10, 180, 40),
    "sea.png": (30, 40, 220),
    "brick.png": (250, 80, 60),
}


def export_int8_colours(folder: Path, fault: str = "none") -> ExportResult:
    """Export by the static recipe for XNNPACK, with a fault of `faulty_recipe` planted."""
    write_checkpoint(folder)
    write_calibration(folder)
    return export(
        ExportRequest.read(
            Fields(
                {
                    "model": model_request(),
                    "lowering": "pte_foundry.backends.xnnpack.lowering",
                    "precision": "int8",
                    "options": {},
                    "rewrites": [],
                    "quantization": quantization_request(fault),
                },
                "export_request.json",
            )
        ),
        folder,
    )


def quantization_request(fault: str = "none") -> dict[str, Any]:
    return {
        "recipe": "pte_foundry.testing.faulty_recipe",
        "options": {"fault": fault},
        "calibration": [f"calibration/{number}.png" for number in range(len(_CALIBRATION))],
    }


def write_calibration(folder: Path) -> None:
    (folder / "calibration").mkdir()
    for number, colour in enumerate(_CALIBRATION):
        _write_picture(folder / "calibration" / f"{number}.png", colour, seed=number)


def make_int8_workspace(folder: Path, exported: ExportResult) -> Workspace:
    """A workspace in which every check passes if no fault is planted."""
    # The float program's, of which model, checkpoint and labels are the same.
    facts = {**exported.facts, "precision": "fp32", "quantization": None}
    workspace = make_workspace(folder, ExportResult(exported.pte, facts))
    write_calibration(folder)
    for number, (name, colour) in enumerate(_JUDGED.items(), 100):
        _write_picture(folder / "photographs" / name, colour, seed=number)
    declared = {
        **workspace.report,
        "precision": "int8",
        "quantization_floor": {"min_quantized_weights": 1.0, "min_quantized_compute": 1.0},
        "checks": CHECKS,
    }
    read = Declared.read(Fields(declared, "declared.json"))
    workspace.report = build_report(read, Fields(exported.facts, "facts.json")).to_json()
    labels: dict[str, str] = CHECKS["photographs"]
    workspace.request["photographs"] = {f"photographs/{name}": labels.get(name) for name in _JUDGED}
    workspace.request["quantized_export"] = {
        "rewrites": [],
        "quantization": quantization_request(),
    }
    return workspace


def _write_picture(path: Path, colour: Colour, seed: int) -> None:
    """A gradient of one colour with noise, 24x20."""
    gradient = np.array(colour) * np.linspace(0.5, 1.0, 20)[:, None, None] * np.ones((20, 24, 1))
    noise = np.random.default_rng(seed).uniform(0, 8, (20, 24, 3))
    Image.fromarray((gradient + noise).clip(0, 255).astype(np.uint8)).save(path)
