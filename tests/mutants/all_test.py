"""The gate can fail: all other mutants."""

from __future__ import annotations

from pathlib import Path

import pytest

from mutants.check import MUTANTS, check_caught, check_passes, mutants, programs
from mutants.mutant import Mutant

_OTHERS = sorted(set(programs(quick=False)) - set(programs(quick=True)))


@pytest.mark.parametrize("program", _OTHERS)
def test_a_good_program_passes(program: str, tmp_path: Path) -> None:
    check_passes(program, tmp_path)


@pytest.mark.parametrize("mutant", mutants(quick=False))
def test_a_mutant_is_caught(mutant: Mutant, tmp_path: Path) -> None:
    check_caught(mutant, tmp_path)


def test_no_mutant_is_there_twice() -> None:
    names = [(one.program, one.name) for one in MUTANTS]
    assert len(set(names)) == len(names) >= 40
