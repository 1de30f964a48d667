from __future__ import annotations

import pytest

from pte_foundry.backends.option_values import choose
from pte_foundry.errors import PteError


def test_the_first_is_the_default() -> None:
    assert choose("b", {}, "speed", ("slow", "fast")) == "slow"
    assert choose("b", {"speed": "fast"}, "speed", ("slow", "fast")) == "fast"


def test_other_values_are_refused_with_the_allowed_ones() -> None:
    with pytest.raises(PteError, match="option speed is 'FAST'; it must be one of slow, fast") as e:
        choose("b", {"speed": "FAST"}, "speed", ("slow", "fast"))
    assert e.value.kind == "bad-option"
