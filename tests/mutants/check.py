"""Make one mutant and validate it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mutants.artifact import PackagedArtifact, follow, make_workspace, read_artifact
from mutants.caught import CAUGHT, Caught
from mutants.mutant import Mutant
from mutants.program_bytes import edit_program, unchanged
from mutants.table import MUTANTS
from pte_foundry.validation.result import evidence, verdict


def mutants(quick: bool) -> list[Any]:
    """Those of the ordinary run or the others, as parameters of a test."""
    return [
        pytest.param(one, id=f"{one.program}: {one.name}") for one in MUTANTS if one.quick == quick
    ]


def programs(quick: bool) -> list[str]:
    return sorted({one.program for one in MUTANTS if one.quick == quick})


def check_caught(mutant: Mutant, folder: Path) -> None:
    """It fails, and by the check that is for it."""
    workspace = make_workspace(folder, _seeded(mutant.program))
    mutant.change(workspace)
    cases = list(workspace.run().values())
    failed = {case.name: case.kind for case in cases if case.status == "failed"}
    CAUGHT.append(Caught(mutant, failed))
    assert verdict(cases) == "failed", "nothing failed: the mutant would be published"
    assert failed.get(mutant.caught_by) == mutant.kind, failed


def check_passes(program: str, folder: Path) -> None:
    """Without a mutation nothing fails, also when ExecuTorch has written the file again."""
    artifact = _seeded(program)
    workspace = make_workspace(folder, artifact)
    again = edit_program(artifact.pte, unchanged)
    if again != artifact.pte:
        follow(workspace, again)
    cases = list(workspace.run().values())
    assert [case for case in cases if case.status == "failed"] == []
    # Everything was looked at: nothing is caught because it is skipped.
    interpreted = artifact.backend not in ("portable", "xnnpack")
    assert evidence(cases) == ("interpreted" if interpreted else "executed")


def _seeded(program: str) -> PackagedArtifact:
    artifact = read_artifact(program)
    if artifact.report["weights"]["source"] != "seeded":
        pytest.skip("mutants are made of programs with seeded weights: --weights-source=seeded")
    return artifact
