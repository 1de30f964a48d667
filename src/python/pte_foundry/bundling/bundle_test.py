from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
import subprocess
import sys
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from pte_foundry.bundling import main as bundling_main
from pte_foundry.bundling.devtools import skip_package_init
from pte_foundry.errors import PteError
from pte_foundry.records.json_files import read_json
from pte_foundry.testing.exported_samples import SAMPLES, Counting
from pte_foundry.testing.own_workspace import own_workspace, save_exported
from pte_foundry.testing.workspace import Workspace, export_colours, make_workspace

# What an app on a device does, here in Python and without anything of ours: whether each bundle is as expected.
_RUNNER = """
import json
import sys

from executorch.extension.pybindings import portable_lib

for path, cases, atol in json.loads(sys.argv[1]):
    content = open(path, "rb").read()
    try:
        for number in range(cases):
            bundle = portable_lib._load_bundled_program_from_buffer(content)
            bundle.verify_result_with_bundled_expected_output("forward", number, rtol=0.0, atol=atol)
    except RuntimeError as error:
        print(json.dumps(str(error)))
    else:
        print(json.dumps("verified"))
"""


@dataclass(frozen=True)
class Made:
    """A bundle and where it was made."""

    workspace: Workspace
    content: bytes
    stated: Any

    @property
    def file(self) -> Path:
        return self.workspace.folder / "program.bpte"


def _command() -> list[str]:
    return ["validation_request.json", "--bundle", "program.bpte", "--description", "bundle.json"]


def _start(workspace: Workspace) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, as it is run outside of tests."""
    workspace.write()
    return subprocess.run(
        [sys.executable, "-m", bundling_main.__name__, *_command()],
        cwd=workspace.folder,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


def _made(workspace: Workspace) -> Made:
    """Run the command here, where torch is imported already."""
    workspace.write()
    with chdir(workspace.folder):
        assert bundling_main.main(_command()) == 0
    return _written(workspace)


def _written(workspace: Workspace) -> Made:
    content = (workspace.folder / "program.bpte").read_bytes()
    return Made(workspace, content, read_json(workspace.folder / "bundle.json"))


def _run(*bundles: tuple[Path, int, float]) -> list[str]:
    """What an app finds of bundles, of each the number of cases and the tolerance given: `verified`, or an error."""
    asked = json.dumps([(str(path), cases, atol) for path, cases, atol in bundles])
    run = subprocess.run(
        [sys.executable, "-I", "-c", _RUNNER, asked],
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith('"')]


def _read(content: bytes) -> Any:
    skip_package_init()
    from executorch.devtools.bundled_program.serialize import (  # type: ignore[import-untyped]
        deserialize_from_flatbuffer_to_bundled_program,
    )

    return deserialize_from_flatbuffer_to_bundled_program(content)


def _colours(folder: Path, backend: str) -> Workspace:
    return make_workspace(folder, export_colours(folder, backend), backend)


@pytest.fixture(scope="module")
def xnnpack(tmp_path_factory: pytest.TempPathFactory) -> Made:
    workspace = _colours(tmp_path_factory.mktemp("xnnpack"), "xnnpack")
    result = _start(workspace)
    assert result.returncode == 0, result.stderr
    return _written(workspace)


@pytest.fixture(scope="module")
def portable(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return _made(_colours(tmp_path_factory.mktemp("portable"), "portable"))


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Of a model with state."""
    folder = tmp_path_factory.mktemp("counting")
    file = save_exported(folder, Counting(), SAMPLES["counting"].inputs)
    return _made(own_workspace(folder, file, {"values": "float32[4,4]"}, "portable"))


@pytest.fixture()
def workspace(xnnpack: Made, tmp_path: Path) -> Workspace:
    """A copy without a bundle, free to be changed."""
    folder = tmp_path / "colours"
    made = shutil.ignore_patterns("program.bpte", "bundle.json")
    shutil.copytree(xnnpack.workspace.folder, folder, ignore=made)
    request, report = copy.deepcopy((xnnpack.workspace.request, xnnpack.workspace.report))
    return Workspace(folder, xnnpack.workspace.pte, request, report)


def test_executorch_verifies_bundles(xnnpack: Made, portable: Made, counting: Made) -> None:
    bundles = [
        (made.file, len(made.stated["cases"]), made.stated["atol"])
        for made in (xnnpack, portable, counting)
    ]
    assert [cases for _, cases, _ in bundles] == [3, 3, 2]
    *found, strict = _run(*bundles, (xnnpack.file, 3, 0.0))
    assert found == ["verified"] * 3
    # The comparison is one: float32 sums in another order are not the same bits.
    assert "verification failed" in strict


@pytest.mark.parametrize("backend", ["xnnpack", "portable"])
def test_a_bundle_holds_the_program_as_it_is(backend: str, request: pytest.FixtureRequest) -> None:
    made: Made = request.getfixturevalue(backend)
    pte, stated = made.workspace.pte, made.stated
    assert stated["cases"] == ["fixed-0", "leaf.png", "rose.png"]
    assert stated["verified"] is True
    assert (stated["atol"], stated["rtol"], stated["method"]) == (1e-4, 0.0, "forward")
    assert stated["program"] == {"sha256": hashlib.sha256(pte).hexdigest(), "size": len(pte)}
    assert stated["bundle"]["sha256"] == hashlib.sha256(made.content).hexdigest()
    read = _read(made.content)
    assert bytes(read.program) == pte
    (suite,) = read.method_test_suites
    assert suite.method_name == "forward"
    for case in suite.test_cases:
        assert [list(value.val.sizes) for value in case.inputs] == [[1, 3, 16, 16]]
        assert [list(value.val.sizes) for value in case.expected_outputs] == [[1, 3]]


def test_the_bytes_are_the_same_twice(xnnpack: Made, workspace: Workspace) -> None:
    """In another folder and another process."""
    again = _made(workspace)
    assert (again.content, again.stated) == (xnnpack.content, xnnpack.stated)


def test_other_weights_are_not_bundled(workspace: Workspace, tmp_path: Path) -> None:
    workspace.replace_program(export_colours(tmp_path, "xnnpack", scale=1.05).pte)
    result = _start(workspace)
    assert result.returncode == 1
    assert "does not reproduce the expected outputs of fixed-0 within 0.0001" in result.stderr
    assert not (workspace.folder / "program.bpte").exists()
    assert not (workspace.folder / "bundle.json").exists()


def test_without_a_difference_there_is_no_bundle(workspace: Workspace) -> None:
    workspace.report["checks"]["max_abs_difference"] = None
    with pytest.raises(PteError, match="has no `max_abs_difference`") as caught:
        _made(workspace)
    assert caught.value.kind == "bad-request"
    assert not (workspace.folder / "program.bpte").exists()


def test_a_program_that_nothing_here_executes(tmp_path: Path) -> None:
    workspace = _colours(tmp_path, "vulkan")
    workspace.report["checks"].update(max_abs_difference=0.02)
    made = _made(workspace)
    assert made.stated["verified"] is False and made.stated["atol"] == 0.02
    assert bytes(_read(made.content).program) == workspace.pte


def test_every_case_of_a_model_with_state_begins_at_the_first(counting: Made) -> None:
    assert counting.stated["verified"] is True and len(counting.stated["cases"]) == 2


def test_dynamic_sizes(tmp_path: Path) -> None:
    torch.export.save(SAMPLES["dynamic"].program(), tmp_path / "model.pt2")
    made = _made(
        own_workspace(tmp_path, "model.pt2", {"values": "float32[rows=2..9,4]"}, "portable")
    )
    assert made.stated["verified"] is True and len(made.stated["cases"]) == 3
    (suite,) = _read(made.content).method_test_suites
    assert sorted(case.inputs[0].val.sizes[0] for case in suite.test_cases) == [2, 5, 9]
