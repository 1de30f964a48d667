"""The gate can fail: mutants of the ordinary run."""

from __future__ import annotations

from pathlib import Path

import pytest

from mutants.check import check_caught, check_passes, mutants, programs
from mutants.mutant import Mutant


@pytest.mark.parametrize("program", programs(quick=True))
def test_a_good_program_passes(program: str, tmp_path: Path) -> None:
    check_passes(program, tmp_path)


@pytest.mark.parametrize("mutant", mutants(quick=True))
def test_a_mutant_is_caught(mutant: Mutant, tmp_path: Path) -> None:
    check_caught(mutant, tmp_path)
