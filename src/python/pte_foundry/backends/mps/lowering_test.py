from __future__ import annotations

import logging

import pytest
import torch
from torch import nn
from torch.export import ExportedProgram

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.mps import lowering as mps
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.inspection.payloads import delegate_payloads

# One large matrix, so that the size tells the type of the weights.
_PARAMETERS = 256 * 256


def _program() -> ExportedProgram:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(256, 256), nn.ReLU6()).eval()
    with torch.no_grad():
        return torch.export.export(module, (torch.ones(1, 256),), strict=False)


def test_the_whole_graph_at_float16() -> None:
    request = LoweringRequest(_program(), "fp16", {"use_fp16": "true"})
    pte = bytes(mps.lower(request).program.buffer)
    facts = inspect_program(pte)
    assert (dict(facts.delegates), facts.undelegated_total) == ({"MPSBackend": 1}, 0)
    assert facts.inputs[0].dtype == facts.outputs[0].dtype == "float32"
    assert 2 * _PARAMETERS < len(pte) < 3 * _PARAMETERS
    (found,) = delegate_payloads(pte)
    assert found.options == {"use_fp16": b"\x01"}
    assert _program().state_dict["0.weight"].detach().half().numpy().tobytes() in found.payload
    assert pte == bytes(mps.lower(LoweringRequest(_program(), "fp16", {})).program.buffer)


def _lower(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> bytes:
    with torch.no_grad():
        program = torch.export.export(module.eval(), inputs, strict=False)
    return bytes(mps.lower(LoweringRequest(program, "fp16", {})).program.buffer)


class _Heads(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The reshape after a transpose copies."""
        return torch.relu(x.transpose(1, 2).reshape(1, 12) * 2)


def test_takes_the_copies_of_dropout_and_of_reshapes() -> None:
    dropout = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), nn.Dropout(), nn.Linear(64, 2))
    for module, inputs in ((dropout, torch.ones(1, 3, 4, 4)), (_Heads(), torch.ones(1, 3, 4))):
        facts = inspect_program(_lower(module, (inputs,)))
        assert (facts.delegate_calls, facts.undelegated_total) == (1, 0)


def test_a_transposed_convolution_is_refused() -> None:
    module = nn.Sequential(nn.ConvTranspose2d(2, 3, 2, stride=2))
    with pytest.raises(PteError, match="conv_transpose2d is a transposed convolution") as caught:
        _lower(module, (torch.ones(1, 2, 4, 4),))
    assert caught.value.kind == "lowering-failed"
    assert (
        inspect_program(_lower(nn.Conv2d(2, 3, 2), (torch.ones(1, 2, 4, 4),))).delegate_calls == 1
    )


def test_lowering_is_quiet_and_leaves_the_log_level(caplog: pytest.LogCaptureFixture) -> None:
    root = logging.getLogger()
    caplog.set_level(logging.INFO)
    mps.lower(LoweringRequest(_program(), "fp16", {}))
    assert root.level == logging.INFO
    assert not [record for record in caplog.records if record.levelno < logging.WARNING]


@pytest.mark.parametrize("value", ["false", "True", ""])
def test_bad_values_are_refused(value: str) -> None:
    with pytest.raises(PteError, match="option use_fp16 is .* one of true") as caught:
        mps.lower(LoweringRequest(_program(), "fp16", {"use_fp16": value}))
    assert caught.value.kind == "bad-option"
