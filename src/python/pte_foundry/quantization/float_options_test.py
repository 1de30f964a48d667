from __future__ import annotations

import pytest

from pte_foundry.errors import PteError
from pte_foundry.quantization.float_options import dotted_names, float_modules


def test_nothing_stays_in_float_unless_named() -> None:
    assert float_modules("recipe", {}).modules == ()


def test_names_are_separated_by_commas() -> None:
    layers = float_modules("recipe", {"float_modules": "norm, blocks.*.norm1"})
    assert layers.modules == ("norm", "blocks.*.norm1")


def test_the_model_itself() -> None:
    assert dotted_names("recipe", {"float_own": "., head"}, "float_own", ".") == (
        ".",
        "head",
    )


@pytest.mark.parametrize("text", ["", "a,", "a b", "a..b", ".a", "."])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(PteError, match="recipe: the option float_modules") as caught:
        float_modules("recipe", {"float_modules": text})
    assert caught.value.kind == "bad-option"
