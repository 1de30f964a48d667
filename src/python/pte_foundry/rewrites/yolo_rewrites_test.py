"""What all rewrites of detectors promise, one after the other in the order of the programs."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.backends.lowering import Lowered, LoweringRequest
from pte_foundry.backends.vulkan import lowering as vulkan
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.rewrites import (
    broadcast_upsampling,
    fold_batch_norm,
    fold_nearest_upsampling,
    levelwise_detection,
    softmax_detection,
    split_attention,
    split_csp_blocks,
)
from pte_foundry.speedups.install import speedups
from pte_foundry.testing.tiny_detector import tiny_detector, tiny_inputs
from pte_foundry.validation.runtime import load_program

Rewrite = Callable[[nn.Module, tuple[Tensor, ...]], nn.Module]
# Each with the layers that it removes.
XNNPACK: tuple[tuple[Rewrite, set[str]], ...] = (
    (fold_batch_norm.rewrite, {"BatchNorm2d", "Conv"}),
    (split_csp_blocks.rewrite, {"C2f", "C2PSA"}),
    (fold_nearest_upsampling.rewrite, {"Upsample", "Concat"}),
    (split_attention.rewrite, {"Attention"}),
    (levelwise_detection.rewrite, {"Detect", "DFL"}),
)
MPS: tuple[tuple[Rewrite, set[str]], ...] = (
    (fold_batch_norm.rewrite, {"BatchNorm2d", "Conv"}),
    (broadcast_upsampling.rewrite, {"Upsample"}),
    (softmax_detection.rewrite, {"Detect", "DFL"}),
)
SEQUENCES = {"xnnpack": XNNPACK, "mps": MPS}
each_sequence = pytest.mark.parametrize("sequence", sorted(SEQUENCES))
REWRITES = sorted({rewrite for steps in SEQUENCES.values() for rewrite, _ in steps}, key=repr)


@pytest.fixture(scope="module")
def sequences() -> dict[str, list[nn.Module]]:
    """The detector as it is, then after each rewrite."""
    found: dict[str, list[nn.Module]] = {}
    for name, steps in SEQUENCES.items():
        modules: list[nn.Module] = [tiny_detector()]
        for rewrite, _ in steps:
            modules.append(rewrite(modules[-1], tiny_inputs(1)[0]))
        found[name] = modules
    return found


@each_sequence
def test_each_computes_the_same(sequence: str, sequences: dict[str, list[nn.Module]]) -> None:
    stages = sequences[sequence]
    with torch.no_grad():
        for inputs in tiny_inputs():
            expected = stages[0](*inputs)
            assert expected[:, :4].std() > 1.0 and expected[:, 4:].std() > 0.01
            for stage in stages[1:]:
                difference = (stage(*inputs) - expected).abs()
                assert difference[:, :4].max() <= 1e-5 * (expected.max() - expected.min())
                assert difference[:, 4:].max() <= 1e-5


@each_sequence
def test_each_removes_what_it_is_for(sequence: str, sequences: dict[str, list[nn.Module]]) -> None:
    def names(stage: nn.Module) -> set[str]:
        return {type(layer).__name__ for layer in stage.modules()}

    stages = sequences[sequence]
    for before, after, (_, gone) in zip(stages, stages[1:], SEQUENCES[sequence]):
        assert gone <= names(before)
        assert not gone & names(after)


@each_sequence
def test_the_original_is_untouched(sequence: str, sequences: dict[str, list[nn.Module]]) -> None:
    for stage, (rewrite, _) in zip(sequences[sequence], SEQUENCES[sequence]):
        _check_untouched(stage, rewrite)


def _check_untouched(stage: nn.Module, rewrite: Rewrite) -> None:
    original = copy.deepcopy(stage)
    before = copy.deepcopy(original.state_dict())
    kinds = [type(layer) for layer in original.modules()]
    rewrite(original, tiny_inputs(1)[0])
    assert [type(layer) for layer in original.modules()] == kinds
    assert before.keys() == original.state_dict().keys()
    assert all(torch.equal(value, original.state_dict()[key]) for key, value in before.items())


@pytest.mark.parametrize("rewrite", REWRITES, ids=lambda rewrite: rewrite.__module__)
def test_a_model_without_such_layers_is_refused(rewrite: Rewrite) -> None:
    plain = nn.ModuleDict({"model": nn.Sequential(nn.ReLU())})
    with pytest.raises(PteError) as caught:
        rewrite(plain, tiny_inputs(1)[0])
    assert caught.value.kind == "bad-rewrite"
    assert "rewrites" in caught.value.message


def _lower(lower: Callable[[LoweringRequest], Lowered], precision: str, module: nn.Module) -> bytes:
    with torch.no_grad(), speedups():
        program = torch.export.export(module, tiny_inputs(1)[0], strict=False)
        return bytes(lower(LoweringRequest(program, precision, {})).program.buffer)


def _delegation(pte: bytes) -> tuple[int, int]:
    facts = inspect_program(pte)
    return facts.delegate_calls, facts.undelegated_total


def test_xnnpack_takes_the_whole_detector_and_runs_it(
    sequences: dict[str, list[nn.Module]],
) -> None:
    stages = sequences["xnnpack"]
    calls, left_over = _delegation(_lower(xnnpack.lower, "fp32", stages[0]))
    assert calls > 1 and left_over > 10
    pte = _lower(xnnpack.lower, "fp32", stages[-1])
    assert _delegation(pte) == (1, 0)
    loaded = load_program(pte)
    for inputs in tiny_inputs():
        (found,) = loaded.run(inputs)
        with torch.no_grad():
            expected = stages[0](*inputs)
        assert (found - expected).abs().max() < 1e-3


def test_vulkan_takes_the_whole_detector(sequences: dict[str, list[nn.Module]]) -> None:
    module = softmax_detection.rewrite(sequences["mps"][1], tiny_inputs(1)[0])
    assert _delegation(_lower(vulkan.lower, "fp16", module)) == (1, 0)
