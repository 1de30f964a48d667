from __future__ import annotations

from dataclasses import replace

import coremltools  # type: ignore[import-untyped]
import pytest
import torch

from pte_foundry.backends.coreml.content import (
    SPECIFICATIONS,
    broken_target,
    mil_content,
)
from pte_foundry.backends.coreml.program import MilProgram, interpret
from pte_foundry.backends.coreml.step import Step
from pte_foundry.backends.coreml.values import Value
from pte_foundry.errors import PteError
from pte_foundry.testing.lowered import lower


@pytest.fixture(scope="module")
def program() -> MilProgram:
    return interpret(*lower("coreml", "block"))


def test_a_payload_describes_itself(program: MilProgram) -> None:
    content = program.content()
    assert content.inputs == (((1, 3, 8, 8), "float32"),)
    assert [shape for shape, _ in content.outputs] == [(1, 10)]
    assert (content.convolutions, content.products) == (2, 1)
    assert list(content.float_types) == ["float16"]
    assert content.operators["conv"] == 2 and "const" not in content.operators
    sizes = sorted(one.values.numel() for one in content.constants if one.values.numel() >= 16)
    assert sizes == [16, 8 * 16, 10 * 16, 8 * 27]
    assert all(one.scale is None for one in content.constants)


def test_the_table_of_targets_is_that_of_coremltools() -> None:
    theirs = {
        name: (int(target), coremltools._OPSET[int(target)])
        for name, target in coremltools.target.__members__.items()
        if target >= coremltools.target.iOS15
    }
    assert dict(SPECIFICATIONS) == theirs


def test_the_specification_is_that_of_the_target(program: MilProgram) -> None:
    target = {"minimum_deployment_target": "iOS17"}
    assert program.broken_options(target) == program.broken_options({}) == ()
    assert program.broken_options({"minimum_deployment_target": "iOS18"}) == (
        "its specification has version 8, that of iOS18 is 9",
        "its operator set is CoreML7, that of iOS18 is CoreML8",
    )
    with pytest.raises(PteError, match="deployment target iOS27"):
        program.broken_options({"minimum_deployment_target": "iOS27"})
    newer = replace(program.package, specification_version=9)
    (problem,) = broken_target(newer, target)
    assert "version 9" in problem


@pytest.mark.parametrize(
    ("operator", "arguments"),
    [
        (
            "constexpr_affine_dequantize",
            {"quantized_data": "data", "scale": "scale", "zero_point": "zero", "axis": "axis"},
        ),
        ("constexpr_blockwise_shift_scale", {"data": "data", "scale": "blocks"}),
    ],
)
def test_integers_are_what_they_stand_for(
    program: MilProgram, operator: str, arguments: dict[str, str]
) -> None:
    data = torch.tensor([[1, -2, 3], [4, 5, -128]], dtype=torch.int8)
    scale = torch.tensor([0.5, 0.25], dtype=torch.float16)
    constants: dict[str, Value] = {
        "data": data,
        "scale": scale,
        "blocks": scale[:, None],
        "zero": torch.tensor([0, 1], dtype=torch.int8),
        "axis": 0,
    }
    step = Step(
        operator,
        "operation 1",
        {key: [name] for key, name in arguments.items()},
        frozenset(),
        (("weight", torch.float16, (2, 3)),),
    )
    content = mil_content(program.package, constants, [*program.steps, step])
    weight = next(one for one in content.constants if one.name == "weight")
    zero = torch.tensor([[0.0], [1.0]]) if "zero_point" in arguments else 0.0
    assert torch.equal(weight.values, (data - zero) * scale[:, None].float())
    assert weight.scale is not None
    assert torch.equal(weight.scale.expand(2, 3), scale[:, None].float().expand(2, 3))
    # The scales are part of it, and no weights of their own.
    names = {one.name for one in content.constants}
    assert "scale" not in names or "blocks" not in names
    assert operator not in content.operators


def test_integers_that_are_stored_nowhere_are_damage(program: MilProgram) -> None:
    step = Step("constexpr_affine_dequantize", "operation 1", {"scale": ["x"]}, frozenset(), ())
    with pytest.raises(PteError, match="stored nowhere"):
        mil_content(program.package, {}, [step])
