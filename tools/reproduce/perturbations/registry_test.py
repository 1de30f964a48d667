from __future__ import annotations

import pytest

from reproduce.perturbations.registry import PERTURBATIONS, select
from workspace.errors import ToolError

NAMES = [one.name for one in PERTURBATIONS]
USUAL = [one.name for one in PERTURBATIONS if one.kind == "usual"]


def names(only: tuple[str, ...] = (), lift: bool = False, with_clone: bool = False) -> list[str]:
    return [one.name for one in select(only, lift, with_clone)]


def test_kinds_are_chosen() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert names() == USUAL and len(USUAL) == 10
    assert names(with_clone=True) == [*USUAL, "clone"]
    assert names(lift=True) == [*USUAL, "lifted-threads", "lifted-cpu-avx2", "lifted-cpu-avx512"]
    assert names(lift=True, with_clone=True) == NAMES


def test_names_are_chosen_whatever_their_kind() -> None:
    assert names(("umask", "clone")) == ["umask", "clone"]
    with pytest.raises(ToolError, match=r"\['moon'\].*clean-build"):
        names(("umask", "moon"))
