"""A backend is a folder and a target: the one of docs/adding-a-backend.md goes all the way, except for Pants.

`tests/end_to_end/made_up_backend_test.py` adds it to a clone, and builds with Pants.
"""

from __future__ import annotations

import importlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

import pte_foundry.backends
from documentation.made_up_backend import FOLDER, NAME, folder_files, target
from new_model.command.main import app
from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.client.index import read_index
from pte_foundry.client.selection import select
from pte_foundry.errors import PteError
from pte_foundry.index.index import build_index
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.tree_request import Listed
from pte_foundry.testing.indexes import artifact, read_request, write_reports
from pte_foundry.testing.workspace import export_colours, make_workspace
from pte_foundry.tree.pages.pages import catalogue_pages
from pte_foundry.validation.request import ValidationRequest
from pte_foundry.validation.result import evidence, result_json, verdict

ADDRESS = "models/colour:colour_mine"


@dataclass(frozen=True)
class Published:
    """What a program leaves behind: report, index and validation.json."""

    report: dict[str, Any]
    index: dict[str, Any]
    validation: dict[str, object]


@pytest.fixture(scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The backend's folder, outside the sources."""
    root = tmp_path_factory.mktemp("library")
    for name, text in folder_files().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        places = [*pte_foundry.backends.__path__, str((root / FOLDER).parent)]
        patch.setattr(pte_foundry.backends, "__path__", places)
        yield


@pytest.fixture(scope="module")
def published(_folder: None, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A small model, lowered with it."""
    folder = tmp_path_factory.mktemp("colour")
    exported = export_colours(tmp_path_factory.mktemp("export"), NAME)
    workspace = make_workspace(folder, exported, NAME)
    workspace.report["address"] = ADDRESS
    workspace.write()
    cases = list(workspace.run().values())
    assert [case for case in cases if case.status == "failed"] == []
    request = ValidationRequest.read(Fields(workspace.request, "request.json"), folder)
    write_reports(folder, workspace.report)
    checked = {"verdict": verdict(cases), "evidence": evidence(cases)}
    label_file = {"category": "colour", **workspace.report["labels"]}
    label_file["name"] = label_file.pop("file")
    index = build_index(
        read_request(
            folder,
            artifacts=[artifact(0, f"colour/colour_{NAME}.pte", validation=checked)],
            labels=[label_file],
            unavailable=[],
        )
    )
    validation = {**result_json(request, workspace.pte, cases), "address": ADDRESS}
    return Published(workspace.report, index, validation)


@pytest.mark.usefixtures("_folder")
def test_its_option_is_checked_and_obeyed() -> None:
    lowering = importlib.import_module(f"pte_foundry.backends.{NAME}.lowering")
    with pytest.raises(PteError, match="per_op"):
        lowering.check_options({"per_op": "maybe"})
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    calls = {}
    for per_op in ("no", "yes"):
        program = torch.export.export(model.eval(), (torch.ones(1, 4),))
        lowered = lowering.lower(LoweringRequest(program, "fp32", {"per_op": per_op}))
        calls[per_op] = inspect_program(lowered.program.buffer).delegate_calls
    assert calls["yes"] > calls["no"] == 1


def test_its_programs_are_validated(published: Published) -> None:
    assert published.report["delegation"]["delegates"] == {"XnnpackBackend": 1}
    assert (published.validation["verdict"], published.validation["evidence"]) == (
        "passed",
        "executed",
    )


def test_its_programs_are_indexed_and_found(published: Published) -> None:
    (entry,) = published.index["models"]
    assert (entry["backend"], entry["validation"]["evidence"]) == (NAME, "executed")
    assert list(published.index["backends"]) == [NAME]
    index = read_index(Fields(published.index, "index.json"), published.index["version"])
    (found,) = select(index, "colour", "linux", [NAME])
    assert found.file.name == f"colour_{NAME}.pte"


def test_its_programs_are_on_the_pages(published: Published) -> None:
    listed = {"address": ADDRESS, "model": "colour", "task": None, "validation": "validation.json"}
    pages = catalogue_pages(
        Fields(published.index, "index.json"),
        [Listed.read(Fields(listed, "listed"))],
        {ADDRESS: Fields(published.validation, "validation.json")},
        {},
    )
    assert f"<option>{NAME}</option>" in pages["index.html"]
    model = pages["models/colour.html"]
    assert f"colour_{NAME}.pte" in model


def test_it_is_offered_for_new_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, lines = tmp_path / "repository", target()
    for folder in ("models", "toolchains"):
        (root / folder).mkdir(parents=True)
    shutil.copy("toolchains/BUILD", root / "toolchains")
    for name in ("pants", "pants.toml"):
        (root / name).touch()
    git = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "First"]):
        subprocess.run([*git, *arguments], cwd=root, check=True)
    script = torch.jit.script(torch.nn.Linear(4, 2).eval())
    script.save(str(tmp_path / "net.pt"))  # type: ignore[no-untyped-call]
    monkeypatch.chdir(root)
    wanted = ["--from", "../net.pt", "--inputs", "1,4", "--backends", NAME]

    refused = CliRunner().invoke(app, wanted)
    assert refused.exit_code != 0 and "out of portable, xnnpack" in refused.output
    with (root / "toolchains/BUILD").open("a") as file:
        file.write(lines)
    made = CliRunner().invoke(app, wanted)
    assert made.exit_code == 0, made.output
    assert f"./pants package models/net:net_{NAME}" in made.output
    assert f'"{NAME}": {{}}' in (root / "models/net/BUILD").read_text()
