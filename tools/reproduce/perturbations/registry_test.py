from __future__ import annotations

import pytest

from reproduce.perturbations.perturbation import ExportChange
from reproduce.perturbations.registry import PERTURBATIONS, select
from workspace.errors import ToolError

NAMES = [one.name for one in PERTURBATIONS]
USUAL = [one.name for one in PERTURBATIONS if one.kind == "usual"]


def names(
    only: tuple[str, ...] = (),
    lift: bool = False,
    with_clone: bool = False,
    stock: bool = False,
    remote: bool = False,
) -> list[str]:
    return [one.name for one in select(only, lift, with_clone, stock, remote)]


def test_kinds_are_chosen() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert names() == USUAL and len(USUAL) == 10
    assert names(with_clone=True) == [*USUAL, "clone"]
    assert names(lift=True) == [*USUAL, "lifted-threads", "lifted-cpu-avx2", "lifted-cpu-avx512"]
    assert names(stock=True) == [*USUAL, "stock"]
    assert names(remote=True) == [*USUAL, "workers"]
    assert names(lift=True, with_clone=True, stock=True, remote=True) == [
        name for name in NAMES if name not in ("together", "user-id")
    ]
    assert names(only=("user-id",)) == ["user-id"]


def test_together_has_every_usual_change_of_the_export() -> None:
    usual = [one.change for one in PERTURBATIONS if one.name in USUAL]
    (together,) = (one.change for one in select(["together"], False, False))
    assert isinstance(together, ExportChange)
    for change in usual:
        if isinstance(change, ExportChange):
            assert change.seen.items() <= together.seen.items()
            assert change.environment.items() <= together.environment.items()
            assert change.folder in (ExportChange.folder, together.folder)
            assert change.hash_seed in (None, together.hash_seed)
            assert change.umask in (-1, together.umask)
            assert change.clock in (None, together.clock)
            assert change.threads is None


def test_names_are_chosen_whatever_their_kind() -> None:
    assert names(("umask", "clone")) == ["umask", "clone"]
    with pytest.raises(ToolError, match=r"\['moon'\].*clean-build"):
        names(("umask", "moon"))
