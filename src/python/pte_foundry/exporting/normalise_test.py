from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.utils._pytree import tree_leaves

from pte_foundry.backends.coreml import lowering as coreml
from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.portable import lowering as portable
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.errors import PteError
from pte_foundry.exporting.normalise import normalised
from pte_foundry.models.forward import run_on
from pte_foundry.testing.small_models import picture
from pte_foundry.validation.runtime import load_program

_CHANNELS_LAST: Any = {"memory_format": torch.channels_last}


def _exported(module: nn.Module, *inputs: Tensor) -> ExportedProgram:
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    with torch.no_grad():
        return torch.export.export(module.eval(), inputs, strict=False)


def _plain() -> nn.Sequential:
    norm = nn.BatchNorm2d(4)
    nn.init.uniform_(norm.running_mean)  # type: ignore[arg-type]
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), norm, nn.ReLU())


class _Named(nn.Module):
    """Names that identifiers cannot have, in a dict of layers, and two that come out alike."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({"conv-1": nn.Conv2d(3, 4, 1), "conv 1": nn.Conv2d(4, 4, 1)})
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.layers["conv 1"](self.layers["conv-1"](x))))


class _InPlace(nn.Module):
    """Writes to its input itself, and to a view of a view of it."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x.sub_(0.45)
        x.flatten(2)[:, 1].mul_(3.0)
        return torch.relu(self.convolution(x)) + x.mean()


class _ChunksInPlace(nn.Module):
    """Writes to its input by way of one of its chunks."""

    def forward(self, x: Tensor) -> Tensor:
        top, _ = x.chunk(2, 2)
        top.mul_(3.0)
        return torch.relu(x).mean(1)


class _ChannelsLast(nn.Module):
    """Asks for another memory order, and views what that gives, which only works in it."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = torch.sigmoid(self.convolution(x.contiguous(memory_format=torch.channels_last)))
        return y, y.permute(0, 2, 3, 1).view(1, -1).softmax(-1)


class _Pooled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.nn.functional.max_pool2d(x, 2) + 1


class _Best(nn.Module):
    """Returns what an operator returns: a tuple of a type of its own."""

    def forward(self, x: Tensor) -> Any:
        return {"best": torch.topk(x.flatten(1), 3), "mean": x.mean(1)}


_MODELS: dict[str, Callable[[], nn.Module]] = {
    "digits": _plain,
    "digits_channels_last": lambda: _plain().to(**_CHANNELS_LAST),
    "other_names": _Named,
    "in_place": _InPlace,
    "chunks_in_place": _ChunksInPlace,
    "pooled": _Pooled,
    "best": _Best,
    "channels_last": lambda: _ChannelsLast().to(**_CHANNELS_LAST),
}


@pytest.mark.parametrize("backend", [portable, xnnpack])
@pytest.mark.parametrize("name", _MODELS)
def test_parity_with_the_untouched_model(name: str, backend: Any) -> None:
    module, x = _MODELS[name](), picture()
    program = normalised(_exported(module, x))
    lowered = backend.lower(LoweringRequest(program, "fp32", {}))
    loaded = load_program(bytes(lowered.program.buffer))
    expected = tree_leaves(run_on(module, (x,)))
    given = x.clone()
    found = loaded.run([given])
    assert torch.equal(given, x)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected):
        assert torch.allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("settings", [{}, {"elementwise_affine": False}, {"eps": 1e-6}], ids=str)
def test_rms_norms_have_all_that_coreml_asks_for(settings: dict[str, Any]) -> None:
    module, x = nn.RMSNorm(8, **settings), torch.full((1, 8), 1e-4)
    program = normalised(_exported(module, x))
    assert coreml.lower(LoweringRequest(program, "fp16", {})).program.buffer
    assert torch.equal(program.module()(x), module(x))


def test_a_program_in_the_form_is_returned_as_it_is() -> None:
    class Inside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = _plain()

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.net(x.clone())
            return y.add_(1.0)

    program = _exported(Inside(), picture())
    before = str(program.graph)
    assert normalised(program) is program and str(program.graph) == before


def test_names_are_identifiers_and_differ() -> None:
    program = normalised(_exported(_Named(), picture()))
    names = sorted(program.state_dict)
    assert "model.layers.conv_1.weight" in names and "model.layers.conv_1.weight_1" in names
    assert "norm.weight" in names, "what is plain stays"
    assert set(names) == {
        *program.graph_signature.inputs_to_parameters.values(),
        *program.graph_signature.inputs_to_buffers.values(),
        "norm.num_batches_tracked",
    }


class _Noisy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn(3)


@pytest.mark.parametrize("module", [_Noisy(), nn.Sequential(nn.Dropout(0.5)).train()])
def test_random_numbers_are_refused(module: nn.Module) -> None:
    with torch.no_grad():
        program = torch.export.export(module, (torch.ones(3),), strict=False)
    with pytest.raises(
        PteError, match="^lowering-failed: the model draws random numbers"
    ) as caught:
        normalised(program)
    assert "normalise_test.py" in caught.value.message or "Dropout" in caught.value.message


def test_dropout_in_eval_mode_is_not_random() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 8, dropout=0.1, batch_first=True)
    program = _exported(layer, torch.ones(1, 3, 8))
    assert normalised(program) is program
