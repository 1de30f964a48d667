from __future__ import annotations

import torch
from torch import Tensor, nn

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.models import mobilenet
from pte_foundry.models.checkpoints.seeded import initialise
from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.records.tensor_spec import TensorSpec
from pte_foundry.rewrites.float_hardsigmoid import FloatHardsigmoid, rewrite


def _count(module: nn.Module, kind: type[nn.Module]) -> int:
    return sum(isinstance(child, kind) for child in module.modules())


def test_equals_hardsigmoid_over_its_whole_range() -> None:
    x = torch.linspace(-8, 8, 100_001)
    assert (FloatHardsigmoid()(x) - nn.Hardsigmoid()(x)).abs().max() <= 1.2e-7


def test_mobilenet_computes_the_same_and_the_original_is_untouched() -> None:
    original = mobilenet.build("mobilenet_v3_small").module
    inputs = fixed_inputs([TensorSpec("image", "float32", (1, 3, 224, 224))], 3)
    initialise(original, inputs[0], "rewrite")
    rewritten = rewrite(original, inputs[0])
    assert _count(original, nn.Hardsigmoid) == _count(rewritten, FloatHardsigmoid) == 9
    assert _count(rewritten, nn.Hardsigmoid) == 0
    with torch.no_grad():
        for one in inputs:
            expected = original(*one)
            difference = (rewritten(*one) - expected).abs().max()
            assert difference <= 1e-5 * (expected.max() - expected.min())


def test_a_module_used_twice_and_a_bare_module() -> None:
    gate = nn.Hardsigmoid()
    twice = rewrite(nn.Sequential(gate, nn.Sequential(gate)), ())
    assert _count(twice, nn.Hardsigmoid) == 0
    assert isinstance(rewrite(gate, ()), FloatHardsigmoid)


def _left_over(module: nn.Module, inputs: tuple[Tensor, ...]) -> dict[str, int]:
    with torch.no_grad():
        program = torch.export.export(module, inputs, strict=False)
    lowered = xnnpack.lower(LoweringRequest(program, "fp32", {}))
    return dict(inspect_program(bytes(lowered.program.buffer)).undelegated)


def test_xnnpack_takes_the_gate_only_when_rewritten() -> None:
    gate = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Hardsigmoid()).eval()
    inputs = (torch.ones(1, 4, 2, 2),)
    assert sum(_left_over(gate, inputs).values()) == 2
    assert _left_over(rewrite(gate, inputs), inputs) == {}
