from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pte_foundry.exporting.export import ExportResult
from pte_foundry.testing.workspace import (
    ABSENT,
    Workspace,
    export_colours,
    failed_kinds,
    make_workspace,
    model_request,
    write_checkpoint,
)
from pte_foundry.validation import runtime
from pte_foundry.validation.exercise import ENDED_REASON
from pte_foundry.validation.result import evidence, verdict
from pte_foundry.validation.runtime import LoadedProgram
from pte_foundry.validation.task import SEEDED_REASON


def test_a_good_program_passes_every_check(workspace: Workspace) -> None:
    cases = workspace.run()
    assert {name: case.message for name, case in cases.items() if case.status != "passed"} == {}
    inputs = ("fixed-0", "leaf.png", "rose.png")
    assert {f"{what}:{name}" for what in ("run", "parity") for name in inputs} <= cases.keys()
    assert {"task:leaf.png", "task:rose.png", "digest", "promise", "load"} <= cases.keys()
    assert {"repeat:rose.png", "size-budget", "memory-budget", "version"} <= cases.keys()
    assert (verdict(list(cases.values())), evidence(list(cases.values()))) == ("passed", "executed")
    measured: Any = cases["parity:rose.png"].measured["logits"]
    assert 0.9999 < measured["cosine"] <= 1.0
    assert 0.0 <= measured["mean_abs"] <= measured["max_abs"] < 1e-4
    assert measured["snr_db"] is None or measured["snr_db"] > 80.0
    assert measured["top1_agreement"] == measured["top5_agreement"] == 1.0
    assert [bound.name for bound in cases["parity:rose.png"].bounds] == [
        "min_cosine",
        "max_abs_difference",
    ]


def test_a_good_portable_program_passes(tmp_path: Path, portable: ExportResult) -> None:
    assert failed_kinds(make_workspace(tmp_path, portable, backend="portable").run()) == {}


def test_a_portable_program_under_the_xnnpack_name_breaks_the_promise(
    workspace: Workspace, portable: ExportResult
) -> None:
    # Its report is true of what the bytes do. What they say is another backend's.
    facts: Any = portable.facts
    workspace.replace_program(portable.pte)
    workspace.report |= {name: facts[name] for name in ("delegation", "planned_memory_bytes")}
    cases = workspace.run()
    assert failed_kinds(cases) == {"contract": "structure", "promise": "delegation"}
    assert "never calls the delegate XnnpackBackend" in cases["promise"].message
    assert "aten::" in cases["promise"].message


def test_a_delegation_that_the_report_only_claims_is_seen(
    workspace: Workspace, portable: ExportResult
) -> None:
    workspace.replace_program(portable.pte)
    found = failed_kinds(workspace.run())
    assert found["delegation"] == found["promise"] == "delegation"


def test_a_program_with_other_weights_is_a_mismatch(workspace: Workspace, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    workspace.replace_program(export_colours(other, "xnnpack", scale=1.05).pte)
    found = failed_kinds(workspace.run())
    assert set(found.values()) == {"mismatch"}
    assert {"parity:fixed-0", "parity:leaf.png"} <= found.keys()


def test_another_checkpoint_behind_the_reference_is_a_mismatch(workspace: Workspace) -> None:
    write_checkpoint(workspace.folder, scale=1.05)
    assert set(failed_kinds(workspace.run()).values()) == {"mismatch"}


@pytest.mark.parametrize("keep", [0, 40, 0.5, -64])
def test_a_truncated_program_fails_by_structure_and_load(workspace: Workspace, keep: float) -> None:
    length = int(len(workspace.pte) * keep) if isinstance(keep, float) else keep
    workspace.replace_program(workspace.pte[:length])
    cases = workspace.run()
    found = failed_kinds(cases)
    # Where there is no header any more, there is no length to compare with.
    assert found.pop("extent", "structure") == "structure"
    assert found == {"parse": "structure", "load": "load"}
    assert cases["run:fixed-0"].status == "skipped"


def test_one_flipped_bit_is_seen_by_the_digest(workspace: Workspace) -> None:
    changed = bytearray(workspace.pte)
    changed[-1] ^= 1
    workspace.pte = bytes(changed)
    assert failed_kinds(workspace.run())["digest"] == "structure"


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        (lambda report: report.update(sha256="0" * 64), {"digest": "structure"}),
        (lambda report: report.update(size=report["size"] + 1), {"digest": "structure"}),
        (
            lambda report: report["outputs"][0].update(shape=[1, 4]),
            {"signature": "structure", "load": "load"},
        ),
        (lambda report: report.update(planned_memory_bytes=[1]), {"planned-memory": "budget"}),
        (lambda report: report["versions"].update(executorch="1.3.0"), {"version": "structure"}),
        (lambda report: report["labels"].update(sha256="0" * 64), {"contract": "structure"}),
        (
            # Other tests have the same normalisation.
            lambda report: report["inputs"][0].update(
                normalisation={**report["inputs"][0]["normalisation"], "colour": "BGR"}
            ),
            {"contract": "structure", "preprocessing": "mismatch"},
        ),
    ],
    ids=["digest", "size", "shape", "memory plan", "another executorch", "labels", "colour"],
)
def test_a_wrong_field_in_the_report_fails(
    workspace: Workspace, change: Callable[[Any], None], failed: dict[str, str]
) -> None:
    change(workspace.report)
    assert failed_kinds(workspace.run()) == failed


def test_a_wrong_expected_label_fails(workspace: Workspace) -> None:
    workspace.request["photographs"]["photographs/rose.png"] = "blue"
    workspace.report["checks"]["photographs"]["rose.png"] = "blue"
    cases = workspace.run()
    assert failed_kinds(cases) == {"task:rose.png": "mismatch"}
    assert "it sees 'red', not the expected 'blue'" in cases["task:rose.png"].message


def test_checks_that_the_report_does_not_publish_fail(workspace: Workspace) -> None:
    workspace.request["photographs"]["photographs/rose.png"] = None
    cases = workspace.run()
    assert failed_kinds(cases) == {"report": "structure"}
    assert "task:rose.png" not in cases and cases["parity:rose.png"].status == "passed"


def test_a_threshold_that_is_not_met_fails(workspace: Workspace) -> None:
    workspace.report["checks"]["max_abs_difference"] = 0.0
    assert set(failed_kinds(workspace.run()).values()) == {"mismatch"}


def test_seeded_weights_skip_the_task_and_nothing_else(tmp_path: Path) -> None:
    exported = export_colours(tmp_path, "xnnpack", weights={"source": "seeded"})
    cases = make_workspace(tmp_path, exported, source="seeded").run()
    skips = {
        name: (case.kind, case.message) for name, case in cases.items() if case.status != "passed"
    }
    assert skips == {
        "task:leaf.png": ("skipped", SEEDED_REASON),
        "task:rose.png": ("skipped", SEEDED_REASON),
    }


def test_a_delegate_that_this_runtime_lacks_is_skipped_visibly(workspace: Workspace) -> None:
    workspace.remove_runtime()
    cases = workspace.run()
    assert failed_kinds(cases) == {}
    for name in ("load", "run:fixed-0", "parity:rose.png"):
        assert cases[name].status == "skipped" and ABSENT in cases[name].message
    assert cases["promise"].status == "passed"
    values = list(cases.values())
    assert (verdict(values), evidence(values)) == ("passed", "structural")


def test_a_reference_that_cannot_be_built_fails_and_the_program_still_runs(
    workspace: Workspace,
) -> None:
    workspace.request["model"] = model_request({"source": "substitute", "file": "weights/absent"})
    cases = workspace.run()
    assert failed_kinds(cases) == {"reference": "build"}
    assert cases["run:fixed-0"].status == "passed"
    assert cases["parity:fixed-0"].status == cases["run:rose.png"].status == "skipped"


def test_a_malformed_picture_fails_its_own_case(workspace: Workspace) -> None:
    (workspace.folder / "photographs" / "rose.png").write_bytes(b"not a picture")
    cases = workspace.run()
    assert failed_kinds(cases) == {"run:rose.png": "run"}
    assert cases["task:leaf.png"].status == "passed"


def test_two_validations_of_one_program_agree(workspace: Workspace) -> None:
    assert workspace.run() == workspace.run()


def _program(monkeypatch: pytest.MonkeyPatch, execute: Callable[[], object]) -> None:
    """Make every program that a child process loads answer like this."""

    def load(pte: bytes) -> LoadedProgram:
        return LoadedProgram(
            pte=pte,
            program=None,
            method=SimpleNamespace(execute=lambda inputs: execute()),
            inputs=(((1, 3, 16, 16), "float32"),),
            outputs=(((1, 3), "float32"),),
        )

    monkeypatch.setattr(runtime, "load_program", load)


def test_outputs_that_are_not_finite_fail(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(monkeypatch, lambda: [torch.full((1, 3), math.nan)])
    found = failed_kinds(workspace.run())
    assert found["run:fixed-0"] == "run" and found["parity:fixed-0"] == "mismatch"


def test_a_program_without_any_output_fails_and_ends_no_validation(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(monkeypatch, lambda: [])
    cases = workspace.run()
    assert failed_kinds(cases)["parity:leaf.png"] == "mismatch"
    assert cases["task:leaf.png"].status == "skipped"


def test_outputs_that_depend_on_earlier_runs_fail(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = count(1)
    _program(monkeypatch, lambda: [torch.full((1, 3), float(next(answers)))])
    cases = workspace.run()
    # The last input is the one that it has seen the most before.
    assert failed_kinds(cases)["repeat:rose.png"] == "run"
    assert "differs by up to 2" in cases["repeat:rose.png"].message


@pytest.mark.parametrize(
    ("execute", "reason"),
    [(os.abort, "SIGABRT"), (lambda: time.sleep(60), "no answer within 2 s")],
    ids=["crash", "hang"],
)
def test_a_crash_or_hang_while_running_fails_that_input_and_ends_no_validation(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    execute: Callable[[], object],
    reason: str,
) -> None:
    workspace.request["limits"]["seconds"] = 2 if "2 s" in reason else 60
    _program(monkeypatch, execute)
    cases = workspace.run()
    assert failed_kinds(cases) == {"run:fixed-0": "run"}
    assert reason in cases["run:fixed-0"].message
    assert cases["run:rose.png"].message == cases["parity:rose.png"].message == ENDED_REASON
    assert cases["repeat"].status == "skipped"


def test_a_crash_or_too_much_memory_while_loading_fails_the_load(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for load, reason in (
        (lambda pte: os.kill(os.getpid(), signal.SIGSEGV), "SIGSEGV"),
        (lambda pte: torch.ones(1 << 30), "more than 1024 MB"),
    ):
        monkeypatch.setattr(runtime, "load_program", load)
        cases = workspace.run()
        assert failed_kinds(cases) == {"load": "load"}
        assert reason in cases["load"].message


@pytest.mark.parametrize(
    ("field", "case"),
    [("max_size_ratio", "size-budget"), ("max_planned_memory_ratio", "memory-budget")],
)
def test_a_budget_that_is_not_kept_fails(workspace: Workspace, field: str, case: str) -> None:
    cases = workspace.run()
    found: Any = cases[case].measured["ratio"]
    (bound,) = cases[case].bounds
    assert (bound.name, bound.measured) == (field, found)
    workspace.report["checks"][field] = found * 0.999
    cases = workspace.run()
    assert failed_kinds(cases) == {case: "budget"}
    assert f"raise `{field}` of its pte_test" in cases[case].message
    workspace.report["checks"][field] = None
    assert workspace.run()[case].status == "skipped"


def test_a_trace_of_the_machine_in_the_bytes_fails(workspace: Workspace) -> None:
    # Behind the last segment, where nothing reads.
    workspace.replace_program(workspace.pte + b"built in /home/someone/checkout\0")
    cases = workspace.run()
    assert failed_kinds(cases) == {"machine-traces": "structure", "extent": "structure"}
    assert "/home/someone/checkout" in cases["machine-traces"].message


def test_another_file_format_fails(workspace: Workspace) -> None:
    assert workspace.pte[4:8] == b"ET12"
    workspace.replace_program(workspace.pte[:4] + b"ET13" + workspace.pte[8:])
    found = failed_kinds(workspace.run())
    assert found["version"] == "structure" and found["load"] == "load"
