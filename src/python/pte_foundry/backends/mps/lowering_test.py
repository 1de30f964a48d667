from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.export import ExportedProgram

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.mps import lowering as mps
from pte_foundry.backends.mps.program import interpret
from pte_foundry.errors import PteError
from pte_foundry.exporting.export import export
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.inspection.payloads import delegate_payloads
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.rewrites import broadcast_upsampling, fold_batch_norm, softmax_detection
from pte_foundry.testing import tiny_builder
from pte_foundry.testing.lowered import lower
from pte_foundry.testing.small_models import build, picture
from pte_foundry.testing.tiny_detector import tiny_detector, tiny_inputs
from pte_foundry.validation.payload_weights.comparison import weights_outcome
from pte_foundry.validation.payload_weights.model_constants import model_constants
from pte_foundry.validation.runtime import load_program

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


class _Decoder(nn.Module):
    """The end of a U-Net."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.up = nn.ConvTranspose2d(4, 3, 2, stride=2)
        self.head = nn.Conv2d(3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(torch.relu(self.up(torch.relu(self.first(x)))))
        return found


def test_a_transposed_convolution_is_left_to_kernels() -> None:
    """The delegate would compute it as a plain one."""
    x = torch.ones(1, 2, 4, 4)
    facts = inspect_program(_lower(_Decoder(), (x,)))
    assert facts.undelegated == {"aten::convolution.out": 1}
    assert dict(facts.delegates) == {"MPSBackend": 2}
    alone = nn.Sequential(nn.ConvTranspose2d(2, 3, 2, stride=2)).eval()
    (found,) = load_program(_lower(alone, (x,))).run([x])
    torch.testing.assert_close(found, alone(x))
    assert inspect_program(_lower(nn.Conv2d(2, 3, 2), (x,))).delegate_calls == 1


class _Masked(nn.Module):
    """Numbers that its payload cannot have, and an operator without a kernel, which takes a second attempt."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        mask = torch.full_like(x, True, dtype=torch.bool)
        low = torch.full((2, 5), float("-inf"))
        return (
            torch.where(mask, x * 2, 0.0),
            x + low,
            torch.bucketize(x * 2, torch.tensor([0.2, 0.5])) + 1,
        )


def test_what_its_compiler_fails_at_is_left_to_kernels() -> None:
    x = torch.rand(2, 5, generator=torch.Generator().manual_seed(0))
    facts = inspect_program(_lower(_Masked(), (x,)))
    assert facts.delegates and "aten::full.out" in facts.undelegated


def test_lowering_is_quiet_and_leaves_the_log_level(caplog: pytest.LogCaptureFixture) -> None:
    root = logging.getLogger()
    caplog.set_level(logging.INFO)
    mps.lower(LoweringRequest(_program(), "fp16", {}))
    assert root.level == logging.INFO
    assert not [record for record in caplog.records if record.levelno < logging.WARNING]


@pytest.mark.parametrize("value", ["false", "True", ""])
def test_bad_values_are_refused(value: str) -> None:
    for check in (
        lambda: mps.check_options({"use_fp16": value}),
        lambda: mps.lower(LoweringRequest(_program(), "fp16", {"use_fp16": value})),
    ):
        with pytest.raises(PteError, match="option use_fp16 is .* one of true") as caught:
            check()
        assert caught.value.kind == "bad-option"


def test_the_whole_detector() -> None:
    inputs = tiny_inputs(1)[0]
    module = fold_batch_norm.rewrite(tiny_detector(), inputs)
    plain = inspect_program(_lower(module, inputs))
    assert plain.delegate_calls > 1 and plain.undelegated_total > 0
    for rewrite in (broadcast_upsampling.rewrite, softmax_detection.rewrite):
        module = rewrite(module, inputs)
    whole = inspect_program(_lower(module, inputs))
    assert (whole.delegate_calls, whole.undelegated_total) == (1, 0)


@pytest.mark.parametrize("name", ["block", "attention"])
def test_a_payload_holds_the_models_weights(name: str) -> None:
    content = interpret(*lower("mps", name)).content()
    constants = model_constants(build(name), (picture(),), not content.keeps_batch_norms)
    outcome = weights_outcome(content.constants, constants)
    assert outcome.problems == ()
    steps = outcome.measured["largest_difference_in_float_steps"]
    assert isinstance(steps, float) and 0.4 < steps <= 0.501
    assert (content.convolutions, content.products) == (constants.convolutions, constants.products)


def test_bytes_and_facts_are_those_of_a_stock_export(tmp_path: Path) -> None:
    """The speed-ups that fit this ExecuTorch change nothing; the others stand aside."""
    request = {
        "model": {
            "name": "tiny",
            "builder": tiny_builder.__name__,
            "inputs": {"image": "float32[1,3,8,8]"},
            "weights": {"source": "seeded"},
        },
        "backend": "mps",
        "lowering": mps.__name__,
        "precision": "fp16",
        "options": {},
        "rewrites": [],
    }
    results = [
        export(ExportRequest.read(Fields({**request, **stock}, "a request")), tmp_path)
        for stock in ({}, {"stock": True})
    ]
    assert results[0].pte == results[1].pte
    assert results[0].facts == results[1].facts
