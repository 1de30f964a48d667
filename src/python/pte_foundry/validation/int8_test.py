"""The gate of int8 programs: a good one passes, and mistakes that lower, load and run do not."""

from __future__ import annotations

import copy
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pte_foundry.errors import PteError
from pte_foundry.exporting.export import ExportResult, export
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.trained_checks import TrainedChecks
from pte_foundry.testing.reports import SHA
from pte_foundry.testing.workspace import (
    ABSENT,
    CHECKS,
    Workspace,
    failed_kinds,
    make_workspace,
    model_request,
    report_of,
    write_checkpoint,
)
from pte_foundry.validation.case import Case
from pte_foundry.validation.exercise import UNCALIBRATED_REASON
from pte_foundry.validation.result import evidence, verdict
from pte_foundry.validation.structural import PROVES
from pte_foundry.validation.trained import SEEDED_REASON

PLANTED = ("zero-point", "per-tensor-weights")
TRAINED = [each.name for each in fields(TrainedChecks)]
Colour = tuple[int, int, int]
CALIBRATION: tuple[Colour, ...] = (
    (250, 20, 30),
    (20, 250, 10),
    (10, 20, 250),
    (240, 240, 240),
    (10, 10, 10),
    (120, 100, 110),
)
PHOTOGRAPHS: dict[str, Colour] = {
    "rose.png": (200, 30, 20),
    "leaf.png": (10, 180, 40),
    "sea.png": (30, 40, 220),
    "brick.png": (250, 80, 60),
}


def write_pictures(folder: Path, colours: dict[str, Colour], first_seed: int = 0) -> None:
    """Gradients of one colour with noise, 24x20."""
    folder.mkdir(exist_ok=True)
    for seed, (name, colour) in enumerate(colours.items(), first_seed):
        gradient = np.array(colour) * np.linspace(0.5, 1.0, 20)[:, None, None]
        noise = np.random.default_rng(seed).uniform(0, 8, (20, 24, 3))
        pixels = (gradient * np.ones((20, 24, 1)) + noise).clip(0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / name)


def quantization_request(fault: str = "none") -> dict[str, Any]:
    return {
        "recipe": "pte_foundry.testing.faulty_recipe",
        "options": {"fault": fault},
        "calibration": [f"calibration/{number}.png" for number in range(len(CALIBRATION))],
    }


def export_int8_colours(folder: Path, fault: str) -> ExportResult:
    """Export by the static recipe for XNNPACK, with a fault of `faulty_recipe` planted."""
    write_checkpoint(folder)
    write_calibration(folder)
    request = {
        "model": model_request(),
        "backend": "xnnpack",
        "lowering": "pte_foundry.backends.xnnpack.lowering",
        "precision": "int8",
        "options": {},
        "rewrites": [],
        "labels_sha256": SHA,
        "quantization": quantization_request(fault),
    }
    return export(ExportRequest.read(Fields(request, "export_request.json")), folder)


def write_calibration(folder: Path) -> None:
    colours = {f"{number}.png": colour for number, colour in enumerate(CALIBRATION)}
    write_pictures(folder / "calibration", colours)


def make_int8_workspace(folder: Path, exported: ExportResult) -> Workspace:
    """A workspace in which every check passes if no fault is planted."""
    # The float program has the same model, checkpoint and labels.
    facts = {**exported.facts, "precision": "fp32", "quantization": None}
    workspace = make_workspace(folder, ExportResult(exported.pte, facts))
    write_calibration(folder)
    write_pictures(folder / "photographs", PHOTOGRAPHS, first_seed=100)
    # The good program is within a third of these bounds.
    trained = {**dict.fromkeys(TRAINED), "min_trained_cosine": 0.9998, "min_top1_agreement": 1.0}
    bounds = {"min_cosine": 0.9998, "max_abs_difference": 0.15, "trained": trained}
    declared = {
        **workspace.report,
        "precision": "int8",
        "quantization_floor": {"min_quantized_weights": 1.0, "min_quantized_compute": 1.0},
        "checks": {**CHECKS, **bounds},
    }
    workspace.report = report_of(declared, exported)
    workspace.request["photographs"] = {
        f"photographs/{name}": CHECKS["photographs"].get(name) for name in PHOTOGRAPHS
    }
    workspace.request["quantized_export"] = {
        "rewrites": [],
        "quantization": quantization_request(),
    }
    return workspace


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExportResult]:
    return {
        fault: export_int8_colours(tmp_path_factory.mktemp(fault), fault)
        for fault in ("none", *PLANTED)
    }


@pytest.fixture()
def int8(tmp_path: Path, exports: dict[str, ExportResult]) -> Workspace:
    return make_int8_workspace(tmp_path, copy.deepcopy(exports["none"]))


@pytest.fixture()
def structural(int8: Workspace) -> Workspace:
    """The same program, with a delegate that nothing here can run."""
    int8.remove_runtime()
    return int8


def outcome(cases: dict[str, Case]) -> tuple[str, str]:
    return verdict(list(cases.values())), evidence(list(cases.values()))


def test_a_good_program_is_judged_on_photographs(int8: Workspace) -> None:
    cases = int8.run()
    left = {name: case.message for name, case in cases.items() if case.status != "passed"}
    assert left == {"parity:fixed-0": UNCALIBRATED_REASON}
    assert cases["run:fixed-0"].status == "passed" and "run:fixed-1" not in cases
    for name in PHOTOGRAPHS:
        assert {f"parity:{name}", f"trained-cosine:{name}"} <= cases.keys()
    assert cases["top1-agreement"].measured["sure"] == len(PHOTOGRAPHS)
    assert "detections" not in cases and "graph:build" not in cases
    assert outcome(cases) == ("passed", "executed")


@pytest.mark.parametrize("fault", PLANTED)
def test_a_fault_that_lowers_and_runs_fails_both_gates(
    tmp_path: Path, exports: dict[str, ExportResult], fault: str
) -> None:
    exported = exports[fault]
    # It says the same about itself as the good one.
    assert exported.facts["quantization"]["quantized"] == (  # type: ignore[index]
        exports["none"].facts["quantization"]["quantized"]  # type: ignore[index]
    )
    workspace = make_int8_workspace(tmp_path, exported)
    cases = workspace.run()
    assert set(failed_kinds(cases).values()) == {"mismatch"}
    assert cases["run:fixed-0"].status == cases["planned-memory"].status == "passed"
    # Each of the thresholds sees it alone.
    checks = workspace.report["checks"]
    for bound in ("min_cosine", "max_abs_difference"):
        workspace.report["checks"] = {**checks, "trained": None, bound: None}
        assert set(failed_kinds(workspace.run()).values()) == {"mismatch"}


def test_thresholds_of_trained_weights_are_not_those_of_seeded_ones(int8: Workspace) -> None:
    int8.report["weights"] |= {"source": "seeded", "sha256": None}
    int8.request["model"]["weights"] = {"source": "seeded"}
    cases = int8.run()
    for name in ("trained-cosine", "top1-agreement"):
        assert (cases[name].status, cases[name].message) == ("skipped", SEEDED_REASON)


def test_nothing_is_judged_by_a_part_of_the_photographs(int8: Workspace) -> None:
    (int8.folder / "photographs" / "sea.png").write_bytes(b"not a picture")
    cases = int8.run()
    assert failed_kinds(cases) == {"run:sea.png": "run"}
    assert cases["top1-agreement"].message == "nothing was compared on sea.png"


def test_the_graph_stands_in_for_a_delegate_that_cannot_be_executed(structural: Workspace) -> None:
    cases = structural.run()
    assert failed_kinds(cases) == {}
    assert cases["graph:build"].status == "passed"
    for name in PHOTOGRAPHS:
        assert cases[f"parity:{name}"].status == "skipped"
        assert cases[f"graph:{name}"].status == "passed"
        assert cases[f"graph:{name}"].message.endswith(PROVES)
        assert cases[f"graph:trained-cosine:{name}"].status == "passed"
    assert cases["graph:top1-agreement"].status == "passed"
    assert cases["top1-agreement"].status == "skipped" and ABSENT in cases["load"].message
    assert outcome(cases) == ("passed", "structural")


@pytest.mark.parametrize("fault", PLANTED)
def test_a_fault_in_the_graph_fails_too(structural: Workspace, fault: str) -> None:
    structural.request["quantized_export"]["quantization"] = quantization_request(fault)
    cases = structural.run()
    found = failed_kinds(cases)
    assert found and all(name.startswith("graph:") for name in found)
    assert set(found.values()) == {"mismatch"}


def test_a_graph_other_than_the_reported_one_fails(structural: Workspace) -> None:
    structural.request["quantized_export"]["quantization"]["options"] = {"float_modules": "head"}
    cases = structural.run()
    assert failed_kinds(cases) == {"graph:build": "build"}
    assert "weights_fraction: quantized again it is" in cases["graph:build"].message


def test_a_graph_that_cannot_be_built_is_compared_on_nothing(structural: Workspace) -> None:
    (structural.folder / "calibration" / "0.png").write_bytes(b"not a picture")
    cases = structural.run()
    assert failed_kinds(cases) == {"graph:build": "build"}
    assert "bad-calibration" in cases["graph:build"].message
    for name in ("graph:sea.png", "graph:top1-agreement"):
        assert cases[name].message == "the quantized graph was not built"


def test_without_photographs_there_is_no_verdict(int8: Workspace) -> None:
    int8.request["photographs"] = {}
    with pytest.raises(PteError, match="calibrated on files is judged on such"):
        int8.run()


def test_what_was_exported_belongs_to_int8_and_to_nothing_else(
    int8: Workspace, xnnpack: ExportResult
) -> None:
    (int8.folder / "float").mkdir()
    workspace = make_workspace(int8.folder / "float", xnnpack)
    workspace.request["quantized_export"] = int8.request["quantized_export"]
    int8.request["quantized_export"] = None
    for wrong in (int8, workspace):
        with pytest.raises(PteError, match="`quantized_export` is for programs of precision int8"):
            wrong.run()


def test_trained_thresholds_need_photographs(workspace: Workspace) -> None:
    workspace.report["checks"]["trained"] = {**dict.fromkeys(TRAINED), "min_box_iou": 0.5}
    workspace.request["photographs"] = {}
    with pytest.raises(PteError, match="predictions are compared on such files"):
        workspace.run()
