"""The gate of int8 programs: a good one passes, and mistakes that lower, load and run do not."""

from __future__ import annotations

import copy
from dataclasses import fields
from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.exporting.export import ExportResult
from pte_foundry.records.trained_checks import TrainedChecks
from pte_foundry.testing.int8_workspace import (
    export_int8_colours,
    make_int8_workspace,
    quantization_request,
)
from pte_foundry.testing.workspace import Workspace, make_workspace
from pte_foundry.validation.case import Case
from pte_foundry.validation.quantized_graph import PROVES
from pte_foundry.validation.result import evidence, verdict
from pte_foundry.validation.trained import SEEDED_REASON
from pte_foundry.validation.validate import UNCALIBRATED_REASON
from pte_foundry.validation.validate_test import failures, follow

PHOTOGRAPHS = ("brick.png", "leaf.png", "rose.png", "sea.png")
PLANTED = ("zero-point", "per-tensor-weights")
ABSENT = "AbsentsBackend"


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExportResult]:
    return {
        fault: export_int8_colours(tmp_path_factory.mktemp(fault), fault)
        for fault in ("none", *PLANTED)
    }


@pytest.fixture()
def int8(tmp_path: Path, exports: dict[str, ExportResult]) -> Workspace:
    return make_int8_workspace(tmp_path, copy.deepcopy(exports["none"]))


def without_runtime(workspace: Workspace) -> Workspace:
    """Let the program call a delegate that this machine's runtime has not."""
    assert len(ABSENT) == len("XnnpackBackend")  # So that the flatbuffer's offsets stay right.
    follow(workspace, workspace.pte.replace(b"XnnpackBackend", ABSENT.encode()))
    delegation = workspace.report["delegation"]
    delegation["delegates"] = {ABSENT: delegation["delegates"]["XnnpackBackend"]}
    workspace.report["delegate"] = ABSENT
    return workspace


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
    # It says the same of itself as the good one.
    assert exported.facts["quantization"]["quantized"] == (  # type: ignore[index]
        exports["none"].facts["quantization"]["quantized"]  # type: ignore[index]
    )
    workspace = make_int8_workspace(tmp_path, exported)
    cases = workspace.run()
    assert set(failures(cases).values()) == {"mismatch"}
    assert cases["run:fixed-0"].status == cases["planned-memory"].status == "passed"
    # Each of the thresholds sees it alone.
    checks = workspace.report["checks"]
    for bound in ("min_cosine", "max_abs_difference"):
        workspace.report["checks"] = {**checks, "trained": None, bound: None}
        assert set(failures(workspace.run()).values()) == {"mismatch"}


def test_thresholds_of_trained_weights_are_not_those_of_seeded_ones(int8: Workspace) -> None:
    int8.report["weights"] |= {"source": "seeded", "sha256": None}
    int8.request["model"]["weights"] = {"source": "seeded"}
    cases = int8.run()
    for name in ("trained-cosine", "top1-agreement"):
        assert (cases[name].status, cases[name].message) == ("skipped", SEEDED_REASON)


def test_nothing_is_judged_by_a_part_of_the_photographs(int8: Workspace) -> None:
    (int8.folder / "photographs" / "sea.png").write_bytes(b"not a picture")
    cases = int8.run()
    assert failures(cases) == {"run:sea.png": "run"}
    assert cases["top1-agreement"].message == "nothing was compared on sea.png"


def test_the_graph_stands_in_for_a_delegate_that_cannot_be_executed(int8: Workspace) -> None:
    cases = without_runtime(int8).run()
    assert failures(cases) == {}
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
def test_a_fault_in_the_graph_fails_too(int8: Workspace, fault: str) -> None:
    int8.request["quantized_export"]["quantization"] = quantization_request(fault)
    cases = without_runtime(int8).run()
    found = failures(cases)
    assert found and all(name.startswith("graph:") for name in found)
    assert set(found.values()) == {"mismatch"}


def test_another_graph_than_the_report_counts_fails(int8: Workspace) -> None:
    int8.request["quantized_export"]["quantization"]["options"] = {"float_modules": "head"}
    cases = without_runtime(int8).run()
    assert failures(cases) == {"graph:build": "build"}
    assert "weights_fraction: quantized again it is" in cases["graph:build"].message


def test_a_graph_that_cannot_be_built_is_compared_on_nothing(int8: Workspace) -> None:
    (int8.folder / "calibration" / "0.png").write_bytes(b"not a picture")
    cases = without_runtime(int8).run()
    assert failures(cases) == {"graph:build": "build"}
    assert "bad-calibration" in cases["graph:build"].message
    for name in ("graph:sea.png", "graph:top1-agreement"):
        assert cases[name].message == "the quantized graph was not built"


def test_without_photographs_there_is_no_verdict(int8: Workspace) -> None:
    int8.request["photographs"] = {}
    with pytest.raises(PteError, match="parity of an int8 program is judged on photographs"):
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
    workspace.report["checks"]["trained"] = {
        **dict.fromkeys(field.name for field in fields(TrainedChecks)),
        **dict.fromkeys(("min_matched_detections", "max_extra_detections"), 0.5),
    }
    workspace.request["photographs"] = {}
    with pytest.raises(PteError, match="predictions are compared on photographs"):
        workspace.run()
