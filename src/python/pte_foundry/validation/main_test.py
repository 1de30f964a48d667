from __future__ import annotations

import os
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree

from pte_foundry.records.json_files import read_json
from pte_foundry.testing.workspace import Workspace


def run(workspace: Workspace) -> subprocess.CompletedProcess[str]:
    workspace.write()
    command = [sys.executable, "-m", "pte_foundry.validation.main", "validation_request.json"]
    return subprocess.run(
        [*command, "--result", "validation.json", "--junit", "junit.xml"],
        cwd=workspace.folder,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_pass_exits_with_0_and_prints_every_case(workspace: Workspace) -> None:
    result = run(workspace)
    assert result.returncode == 0, result.stdout + result.stderr
    written: Any = read_json(workspace.folder / "validation.json")
    lines = result.stdout.splitlines()
    assert len(lines) == len(written["cases"]) + 1
    for case, line in zip(written["cases"], lines[1:]):
        assert line.startswith(case["status"]) and case["name"] in line
    assert lines[0].startswith("models/colour:colour_xnnpack_test: passed (executed, substitute")
    suite = ElementTree.parse(workspace.folder / "junit.xml").getroot()[0]
    assert suite.get("tests") == str(len(written["cases"]))


def test_a_failure_exits_with_1_and_is_in_all_three_outputs(workspace: Workspace) -> None:
    workspace.report["checks"]["max_abs_difference"] = 0.0
    result = run(workspace)
    assert result.returncode == 1
    verdict, first, *_ = result.stdout.splitlines()
    assert verdict.startswith("models/colour:colour_xnnpack_test: failed (")
    assert first.startswith("failed  parity:fixed-0: mismatch: output 'logits' differs")
    assert read_json(workspace.folder / "validation.json")["verdict"] == "failed"
    suite = ElementTree.parse(workspace.folder / "junit.xml").getroot()[0]
    assert suite.get("failures") != "0"


def test_a_wrong_request_is_one_message_and_no_result(workspace: Workspace) -> None:
    workspace.request["labels"] = 7
    result = run(workspace)
    assert result.returncode == 1
    confinement, message = result.stderr.splitlines()
    assert confinement.startswith("confinement: ")
    assert message.startswith("pte-foundry: bad-request: validation_request.json: `labels`")
    assert not (workspace.folder / "validation.json").exists()
