from __future__ import annotations

import pytest

from pte_foundry.errors import PteError
from pte_foundry.quantization.recipe import check_recipe
from pte_foundry.quantization.recipes import weights_only, xnnpack_static

RANDOM = {"random_inputs": "8"}


def test_ranges_are_learned_from_files_or_from_random_inputs() -> None:
    check_recipe("static", xnnpack_static, {}, True)
    check_recipe("static", xnnpack_static, RANDOM, False)
    with pytest.raises(PteError, match="bad-calibration.*there are none.*`random_inputs`"):
        check_recipe("static", xnnpack_static, {}, False)
    with pytest.raises(PteError, match="bad-calibration.*Remove one of them"):
        check_recipe("static", xnnpack_static, RANDOM, True)


def test_a_recipe_that_learns_nothing_takes_neither() -> None:
    check_recipe("weights", weights_only, {}, False)
    with pytest.raises(PteError, match="bad-calibration.*Remove `calibration`"):
        check_recipe("weights", weights_only, {}, True)
    with pytest.raises(PteError, match="bad-option.*'random_inputs'"):
        check_recipe("weights", weights_only, RANDOM, False)


@pytest.mark.parametrize("count", ["0", "-1", "4097", "many", ""])
def test_a_number_that_is_none(count: str) -> None:
    with pytest.raises(PteError, match="bad-option.*from 1 to 4096"):
        check_recipe("static", xnnpack_static, {"random_inputs": count}, False)
