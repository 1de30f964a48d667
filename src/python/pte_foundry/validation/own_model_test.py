"""A model that is a file, with two inputs of a dynamic length, from the file to a validated program."""

from __future__ import annotations

import pytest
import torch

from pte_foundry.testing.own_samples import TEXT, Sentence, seeded_model
from pte_foundry.testing.own_workspace import own_workspace
from pte_foundry.testing.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("own")
    script = torch.jit.script(seeded_model(Sentence))
    script.save(str(folder / "sentence.pt"))  # type: ignore[no-untyped-call]
    return own_workspace(folder, "sentence.pt", TEXT, outputs=["mean_of_words", "words"])


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
