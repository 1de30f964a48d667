from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    deserialize_pte_binary,
)
from torch import Tensor

from pte_foundry.backends.interpreter import unknown
from pte_foundry.backends.vulkan import program as vulkan_program
from pte_foundry.errors import PteError
from pte_foundry.exporting.export import ExportResult
from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.workspace import Workspace, make_workspace
from pte_foundry.validation.inputs import fixed_input_sets
from pte_foundry.validation.interpretation import interpret_program
from pte_foundry.validation.request import ValidationRequest
from pte_foundry.validation.result import evidence, verdict

_VULKAN = vulkan_program.__name__


@pytest.fixture()
def gpu(tmp_path: Path, vulkan: ExportResult) -> Workspace:
    """A good Vulkan program of the colour classifier, which no machine that tests can execute."""
    made = make_workspace(tmp_path, vulkan, "vulkan")
    made.request["interpreter"] = _VULKAN
    made.report["checks"].update(min_cosine=0.9999, max_abs_difference=0.02)
    return made


def test_an_interpreted_program_is_compared_and_says_so(gpu: Workspace) -> None:
    cases = gpu.run()
    assert cases["load"].status == "skipped" and cases["interpret"].status == "passed"
    for name in ("fixed-0", "rose.png", "leaf.png"):
        assert cases[f"run:{name}"].status == cases[f"parity:{name}"].status == "passed"
    assert cases["run:fixed-0"].message == "its outputs are finite"
    assert cases["task:rose.png"].status == "passed"
    every = list(cases.values())
    assert (verdict(every), evidence(every)) == ("passed", "interpreted")


def _without_weights(pte: bytes) -> bytes:
    """The same program with zeros in the place of its largest constant."""
    buffers = deserialize_pte_binary(pte).named_data.buffers
    largest = max(buffers, key=len)
    place = pte.index(bytes(largest))
    return pte[:place] + bytes(len(largest)) + pte[place + len(largest) :]


def test_another_weight_is_a_mismatch(gpu: Workspace) -> None:
    gpu.pte = _without_weights(gpu.pte)
    cases = gpu.run()
    assert cases["interpret"].status == "passed"
    assert cases["parity:rose.png"].status == "failed"
    assert cases["parity:rose.png"].kind == "mismatch"


def test_without_an_interpreter_evidence_is_structural(gpu: Workspace) -> None:
    gpu.request["interpreter"] = None
    cases = gpu.run()
    assert "interpret" not in cases
    assert evidence(list(cases.values())) == "structural"


def _interpreter(monkeypatch: pytest.MonkeyPatch, error: Exception) -> str:
    """A module whose programs raise `error` when they run."""

    class Program:
        def run(self, inputs: list[Tensor]) -> list[Tensor]:
            raise error

    module = ModuleType("an_interpreter")
    vars(module)["interpret"] = lambda payload, named_data: Program()
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module.__name__


def test_what_the_interpreter_does_not_know_is_skipped(
    gpu: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu.request["interpreter"] = _interpreter(monkeypatch, unknown("node 3", "new operator"))
    cases = gpu.run()
    assert cases["interpret"].status == "skipped" and "new operator" in cases["interpret"].message
    assert cases["parity:rose.png"].status == "skipped"
    every = list(cases.values())
    assert (verdict(every), evidence(every)) == ("passed", "structural")


def test_a_payload_that_contradicts_itself_fails(
    gpu: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = PteError("structure", "node 3: it reads what nothing wrote")
    gpu.request["interpreter"] = _interpreter(monkeypatch, error)
    cases = gpu.run()
    assert (cases["interpret"].status, cases["interpret"].kind) == ("failed", "structure")
    assert verdict(list(cases.values())) == "failed"


def test_more_than_one_delegate_call_is_not_interpretable(
    workspace: Workspace, portable: ExportResult
) -> None:
    workspace.write()
    request = ValidationRequest.read(Fields(workspace.request, "request"), workspace.folder)
    inputs = fixed_input_sets(request)["fixed-0"]
    with pytest.raises(PteError, match="does more than to call its delegate once") as caught:
        interpret_program(_VULKAN, portable.pte, inputs)
    assert caught.value.kind == "not-interpretable"
