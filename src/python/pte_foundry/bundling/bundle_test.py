from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from pte_foundry.bundling import main as bundling_main
from pte_foundry.bundling.devtools import skip_package_init
from pte_foundry.records.json_files import read_json
from pte_foundry.testing.exported_samples import SAMPLES, Counting
from pte_foundry.testing.own_workspace import own_workspace, save_exported
from pte_foundry.testing.workspace import Workspace, export_colours, make_workspace

# What an app on a device does, here in Python and without anything of ours.
_RUNNER = """
import sys

from executorch.extension.pybindings import portable_lib

content = open(sys.argv[1], "rb").read()
for number in range(int(sys.argv[2])):
    bundle = portable_lib._load_bundled_program_from_buffer(content)
    bundle.verify_result_with_bundled_expected_output(
        "forward", number, rtol=0.0, atol=float(sys.argv[3])
    )
"""


def _bundle(workspace: Workspace) -> subprocess.CompletedProcess[str]:
    workspace.write()
    command = [sys.executable, "-m", bundling_main.__name__, "validation_request.json"]
    return subprocess.run(
        [*command, "--bundle", "program.bpte", "--description", "bundle.json"],
        cwd=workspace.folder,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


def _made(workspace: Workspace) -> tuple[bytes, Any]:
    result = _bundle(workspace)
    assert result.returncode == 0, result.stderr
    content = (workspace.folder / "program.bpte").read_bytes()
    return content, read_json(workspace.folder / "bundle.json")


def _run(bundle: Path, cases: int, atol: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", _RUNNER, str(bundle), str(cases), repr(atol)],
        env={},
        capture_output=True,
        text=True,
        check=False,
    )


def _read(content: bytes) -> Any:
    skip_package_init()
    from executorch.devtools.bundled_program.serialize import (  # type: ignore[import-untyped]
        deserialize_from_flatbuffer_to_bundled_program,
    )

    return deserialize_from_flatbuffer_to_bundled_program(content)


@pytest.fixture(params=["xnnpack", "portable"])
def workspace(tmp_path: Path, request: Any) -> Workspace:
    exported = export_colours(tmp_path, request.param)
    return make_workspace(tmp_path, exported, request.param)


def test_executorch_verifies_a_bundle(workspace: Workspace) -> None:
    content, stated = _made(workspace)
    assert stated["cases"] == ["fixed-0", "leaf.png", "rose.png"]
    assert stated["verified"] is True
    assert (stated["atol"], stated["rtol"], stated["method"]) == (1e-4, 0.0, "forward")
    assert stated["program"] == {
        "sha256": hashlib.sha256(workspace.pte).hexdigest(),
        "size": len(workspace.pte),
    }
    assert stated["bundle"]["sha256"] == hashlib.sha256(content).hexdigest()
    result = _run(workspace.folder / "program.bpte", 3, stated["atol"])
    assert result.returncode == 0, result.stderr
    if workspace.report["backend"] == "xnnpack":
        # The comparison is one: float32 sums in another order are not the same bits.
        strict = _run(workspace.folder / "program.bpte", 3, 0.0)
        assert strict.returncode != 0 and "verification failed" in strict.stderr


def test_a_bundle_holds_the_program_as_it_is(workspace: Workspace) -> None:
    content, _ = _made(workspace)
    read = _read(content)
    assert bytes(read.program) == workspace.pte
    (suite,) = read.method_test_suites
    assert suite.method_name == "forward"
    for case in suite.test_cases:
        assert [list(value.val.sizes) for value in case.inputs] == [[1, 3, 16, 16]]
        assert [list(value.val.sizes) for value in case.expected_outputs] == [[1, 3]]


def test_the_bytes_are_the_same_twice(workspace: Workspace) -> None:
    first = _made(workspace)
    (workspace.folder / "program.bpte").unlink()
    assert _made(workspace) == first


def test_other_weights_are_not_bundled(workspace: Workspace, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    backend = workspace.report["backend"]
    workspace.replace_program(export_colours(other, backend, scale=1.05).pte)
    result = _bundle(workspace)
    assert result.returncode == 1
    assert "does not reproduce the expected outputs of fixed-0 within 0.0001" in result.stderr
    assert not (workspace.folder / "program.bpte").exists()
    assert not (workspace.folder / "bundle.json").exists()


def test_without_a_difference_there_is_no_bundle(workspace: Workspace) -> None:
    workspace.report["checks"]["max_abs_difference"] = None
    result = _bundle(workspace)
    assert result.returncode == 1
    assert "has no `max_abs_difference`" in result.stderr


def test_a_program_that_nothing_here_executes(tmp_path: Path) -> None:
    exported = export_colours(tmp_path, "vulkan")
    workspace = make_workspace(tmp_path, exported, "vulkan")
    workspace.report["checks"].update(max_abs_difference=0.02)
    content, stated = _made(workspace)
    assert stated["verified"] is False and stated["atol"] == 0.02
    assert bytes(_read(content).program) == workspace.pte


def test_every_case_of_a_model_with_state_begins_at_the_first(tmp_path: Path) -> None:
    sample = SAMPLES["counting"]
    file = save_exported(tmp_path, Counting(), sample.inputs)
    workspace = own_workspace(tmp_path, file, {"values": "float32[4,4]"}, "portable")
    content, stated = _made(workspace)
    assert stated["verified"] is True and len(stated["cases"]) == 2
    assert _run(workspace.folder / "program.bpte", 2, stated["atol"]).returncode == 0


def test_dynamic_sizes(tmp_path: Path) -> None:
    torch.export.save(SAMPLES["dynamic"].program(), tmp_path / "model.pt2")
    workspace = own_workspace(tmp_path, "model.pt2", {"values": "float32[rows=2..9,4]"}, "portable")
    content, stated = _made(workspace)
    assert stated["verified"] is True and len(stated["cases"]) == 3
    sizes = [
        case.inputs[0].val.sizes[0] for case in _read(content).method_test_suites[0].test_cases
    ]
    assert sorted(sizes) == [2, 5, 9]
