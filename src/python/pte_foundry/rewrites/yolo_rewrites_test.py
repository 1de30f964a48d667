"""What all rewrites of detectors promise, one after the other in the order of the programs."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.backends import xnnpack
from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.rewrites import (
    fold_batch_norm,
    fold_nearest_upsampling,
    levelwise_detection,
    split_attention,
    split_csp_blocks,
)
from pte_foundry.rewrites.tiny_detector import tiny_detector, tiny_inputs
from pte_foundry.validation.runtime import load_program

Rewrite = Callable[[nn.Module, tuple[Tensor, ...]], nn.Module]
REWRITES: tuple[Rewrite, ...] = (
    fold_batch_norm.rewrite,
    split_csp_blocks.rewrite,
    fold_nearest_upsampling.rewrite,
    split_attention.rewrite,
    levelwise_detection.rewrite,
)


@pytest.fixture(scope="module")
def stages() -> list[nn.Module]:
    """The detector as it is, then after each rewrite."""
    modules: list[nn.Module] = [tiny_detector()]
    for rewrite in REWRITES:
        modules.append(rewrite(modules[-1], tiny_inputs(1)[0]))
    return modules


def test_each_computes_the_same(stages: list[nn.Module]) -> None:
    with torch.no_grad():
        for inputs in tiny_inputs():
            expected = stages[0](*inputs)
            assert expected[:, :4].std() > 1.0 and expected[:, 4:].std() > 0.01
            for stage in stages[1:]:
                difference = (stage(*inputs) - expected).abs()
                assert difference[:, :4].max() <= 1e-5 * (expected.max() - expected.min())
                assert difference[:, 4:].max() <= 1e-5


def test_each_removes_what_it_is_for(stages: list[nn.Module]) -> None:
    def names(stage: nn.Module) -> set[str]:
        return {type(layer).__name__ for layer in stage.modules()}

    removed = [
        {"BatchNorm2d", "Conv"},
        {"C2f", "C2PSA"},
        {"Upsample", "Concat"},
        {"Attention"},
        {"Detect", "DFL"},
    ]
    for before, after, gone in zip(stages, stages[1:], removed):
        assert gone <= names(before)
        assert not gone & names(after)


@pytest.mark.parametrize("number", range(len(REWRITES)))
def test_the_original_is_untouched(number: int, stages: list[nn.Module]) -> None:
    original = copy.deepcopy(stages[number])
    before = copy.deepcopy(original.state_dict())
    kinds = [type(layer) for layer in original.modules()]
    REWRITES[number](original, tiny_inputs(1)[0])
    assert [type(layer) for layer in original.modules()] == kinds
    assert before.keys() == original.state_dict().keys()
    assert all(torch.equal(value, original.state_dict()[key]) for key, value in before.items())


@pytest.mark.parametrize("rewrite", REWRITES)
def test_a_model_without_such_layers_is_refused(rewrite: Rewrite) -> None:
    plain = nn.ModuleDict({"model": nn.Sequential(nn.ReLU())})
    with pytest.raises(PteError) as caught:
        rewrite(plain, tiny_inputs(1)[0])
    assert caught.value.kind == "lowering-failed"
    assert "rewrites" in caught.value.message


def test_xnnpack_takes_the_whole_detector_and_runs_it(stages: list[nn.Module]) -> None:
    def lower(module: nn.Module) -> bytes:
        with torch.no_grad():
            program = torch.export.export(module, tiny_inputs(1)[0], strict=False)
        return bytes(xnnpack.lower(LoweringRequest(program, "fp32", {})).program.buffer)

    stock = inspect_program(lower(stages[0]))
    assert stock.delegate_calls > 1 and stock.undelegated_total > 10
    pte = lower(stages[-1])
    facts = inspect_program(pte)
    assert (facts.delegate_calls, facts.undelegated_total) == (1, 0)
    loaded = load_program(pte)
    for inputs in tiny_inputs():
        (found,) = loaded.run(inputs)
        with torch.no_grad():
            expected = stages[0](*inputs)
        assert (found - expected).abs().max() < 1e-3
