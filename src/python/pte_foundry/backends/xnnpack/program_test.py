from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.xnnpack.lowering import lower
from pte_foundry.backends.xnnpack.program import XnnpackProgram, interpret
from pte_foundry.errors import PteError
from pte_foundry.inspection.payloads import delegate_payloads, named_data
from pte_foundry.testing.small_models import build, picture
from pte_foundry.validation.payload_weights.comparison import weights_outcome
from pte_foundry.validation.payload_weights.model_constants import model_constants


class _Filters(nn.Module):
    """Every layout in which filters lie: plain, grouped, depthwise, transposed; and a matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.plain = nn.Conv2d(3, 8, (1, 3))
        self.norm = nn.BatchNorm2d(8).eval()
        self.grouped = nn.Conv2d(8, 16, (2, 1), groups=2)
        self.depthwise = nn.Conv2d(16, 16, (3, 2), groups=16)
        self.transposed = nn.ConvTranspose2d(16, 4, (2, 3))
        self.head = nn.Linear(4, 20)
        assert self.norm.running_var is not None
        self.norm.running_var.uniform_(0.5, 1.5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.transposed(self.depthwise(self.grouped(self.norm(self.plain(x)))))
        return self.head(x.mean((2, 3), keepdim=True).flatten(1))  # type: ignore[no-any-return]


def program_of(module: nn.Module) -> XnnpackProgram:
    exported = torch.export.export(module.eval(), (picture(),), strict=False)
    pte = bytes(lower(LoweringRequest(exported, "fp32", {})).program.buffer)
    (payload,) = delegate_payloads(pte)
    return interpret(payload.payload, named_data(pte))


@pytest.fixture()
def model() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return _Filters().requires_grad_(False)


def test_filters_have_the_models_order_again(model: nn.Module) -> None:
    content = program_of(model).content()
    constants = model_constants(model, (picture(),), True)
    outcome = weights_outcome(content.constants, constants)
    assert outcome.problems == ()
    # Five weights, and the biases of 16 and 20 elements; to the last bit, as XNNPACK keeps float32.
    assert outcome.measured["compared"] == 8
    assert outcome.measured["largest_difference_in_float_steps"] == 0.0
    assert (content.convolutions, content.products) == (4, 1)


def test_float32_is_compared_to_its_last_bits(model: nn.Module) -> None:
    stored = program_of(model).content().constants
    for parameter in model.parameters():
        parameter.mul_(1 + 1e-5)
    outcome = weights_outcome(stored, model_constants(model, (picture(),), True))
    assert (
        "7 of the payload's" in outcome.problems[-1] or "8 of the payload's" in outcome.problems[-1]
    )


def test_it_is_not_interpreted() -> None:
    with pytest.raises(PteError, match="it is executed") as caught:
        program_of(build("block")).run([picture()])
    assert caught.value.kind == "not-interpretable"


@pytest.mark.parametrize("payload", [b"", bytes(30), b"\0" * 4 + b"XH00" + b"\xff" * 40])
def test_what_is_no_payload_is_refused(payload: bytes) -> None:
    with pytest.raises(PteError) as caught:
        interpret(payload, {})
    assert caught.value.kind == "structure"


def test_a_constant_that_the_program_lacks_is_damage() -> None:
    exported = torch.export.export(build("block"), (picture(),), strict=False)
    pte = bytes(lower(LoweringRequest(exported, "fp32", {})).program.buffer)
    (payload,) = delegate_payloads(pte)
    with pytest.raises(PteError, match="the program has no data"):
        interpret(payload.payload, {})
    short = {key: data[:-4] for key, data in named_data(pte).items()}
    with pytest.raises(PteError, match="bytes"):
        interpret(payload.payload, short)
