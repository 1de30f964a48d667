from __future__ import annotations

import sys
from types import ModuleType

import pytest
import torch
from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    deserialize_pte_binary,
)
from torch import Tensor, nn

from pte_foundry.backends.interpreter import unknown
from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.vulkan import program as vulkan_program
from pte_foundry.backends.xnnpack import lowering as xnnpack_lowering
from pte_foundry.errors import PteError
from pte_foundry.exporting.export import ExportResult
from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.workspace import Workspace
from pte_foundry.validation.inputs import fixed_input_sets
from pte_foundry.validation.interpretation import handed_constants, interpret_program
from pte_foundry.validation.request import ValidationRequest
from pte_foundry.validation.result import evidence, verdict

_VULKAN = vulkan_program.__name__


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
    """The same program with zeros instead of its largest constant."""
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
    with pytest.raises(PteError, match="does more than call its delegate once") as caught:
        interpret_program(_VULKAN, portable.pte, inputs)
    assert caught.value.kind == "not-interpretable"


class _Shifted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 4)
        self.register_buffer("shift", torch.arange(24.0).reshape(1, 6, 4))

    def forward(self, rows: Tensor) -> Tensor:
        shifted: Tensor = self.linear(rows) + self.shift
        return shifted


def test_what_an_addition_takes_is_handed_to_the_delegate() -> None:
    exported = torch.export.export(_Shifted().eval(), (torch.rand(1, 6, 6),), strict=False)
    lowered = xnnpack_lowering.lower(LoweringRequest(exported, "fp32", {}))
    (constant,) = handed_constants(deserialize_pte_binary(bytes(lowered.program.buffer)).program)
    assert torch.equal(constant.values, torch.arange(24.0).reshape(1, 6, 4))
    assert (constant.scale, constant.stored_bytes, constant.precision) == (None, 96, torch.float32)
