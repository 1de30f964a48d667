from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError
from pte_foundry.quantization.float_layers import (
    FloatLayers,
    dotted_names,
    float_modules,
    module_of,
    operator_name,
)


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.conv(x))


def _model() -> nn.Module:
    return nn.Sequential(_Block(), nn.Sequential(_Block(), _Block()))


def _kept(layers: FloatLayers) -> list[str]:
    program = torch.export.export(_model().eval(), (torch.ones(1, 3, 2, 2),), strict=False)
    calls = [node for node in program.graph.nodes if node.op == "call_function"]
    assert [module_of(node) for node in calls] == [
        *("0.conv", "0", "1.0.conv", "1.0", "1.1.conv", "1.1")
    ]
    return [module_of(node) for node in calls if layers.keeps(node)]


def test_a_module_with_everything_in_it() -> None:
    assert _kept(FloatLayers()) == []
    assert _kept(FloatLayers(modules=("1",))) == ["1.0.conv", "1.0", "1.1.conv", "1.1"]
    assert _kept(FloatLayers(modules=("1.1",))) == ["1.1.conv", "1.1"]


def test_a_name_is_not_a_prefix_of_text() -> None:
    assert _kept(FloatLayers(modules=("1.0.con",))) == []


def test_a_star_stays_within_a_part() -> None:
    assert _kept(FloatLayers(modules=("1.*.conv",))) == ["1.0.conv", "1.1.conv"]
    assert _kept(FloatLayers(own=("*",))) == ["0"]


def test_own_operators_without_submodules() -> None:
    assert _kept(FloatLayers(own=("1.0", "0"))) == ["0", "1.0"]


def test_own_operators_of_the_model_itself() -> None:
    class Doubled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = _Block()

        def forward(self, x: Tensor) -> Tensor:
            doubled: Tensor = self.block(x) * 2
            return doubled

    layers = FloatLayers(own=(".",))
    layers.check("doubled", Doubled())
    program = torch.export.export(Doubled().eval(), (torch.ones(1, 3, 2, 2),), strict=False)
    calls = [node for node in program.graph.nodes if node.op == "call_function"]
    kept = [operator_name(node) for node in calls if layers.keeps(node)]
    assert kept == ["aten.mul"]


def test_operators_everywhere() -> None:
    assert _kept(FloatLayers(operators=("aten.sigmoid",))) == ["0", "1.0", "1.1"]


def test_a_pattern_without_module_is_refused_with_suggestions() -> None:
    FloatLayers(modules=("1.*.conv", "0"), own=("1",)).check("small", _model())
    with pytest.raises(PteError, match="bad-option.*`float_modules` names '1.2'.*1.0, 1.1"):
        FloatLayers(modules=("1.2",)).check("small", _model())
    with pytest.raises(PteError, match="bad-option.*`float_own` names 'x'.*0, 1"):
        FloatLayers(own=("x",)).check("small", _model())


def test_names_are_separated_by_commas() -> None:
    assert float_modules("recipe", {}).modules == ()
    layers = float_modules("recipe", {"float_modules": "norm, blocks.*.norm1"})
    assert layers.modules == ("norm", "blocks.*.norm1")
    own = dotted_names("recipe", {"float_own": "., head"}, "float_own", ".")
    assert own == (".", "head")


@pytest.mark.parametrize("text", ["", "a,", "a b", "a..b", ".a", "."])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(PteError, match="^bad-option: .*recipe: the option float_modules"):
        float_modules("recipe", {"float_modules": text})
