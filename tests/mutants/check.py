"""All mutants: make one, validate it, and note what caught it for the table at the end of a test run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mutants.artifact import PackagedArtifact, make_workspace, read_artifact, replace_program
from mutants.coreml_mutants import COREML_MUTANTS
from mutants.file_mutants import FILE_MUTANTS
from mutants.gpu_mutants import GPU_MUTANTS
from mutants.mutant import Mutant
from mutants.program_bytes import edit_program, unchanged
from mutants.xnnpack_mutants import XNNPACK_MUTANTS
from pte_foundry.testing.workspace import failed_kinds
from pte_foundry.validation.result import evidence, verdict

MUTANTS: tuple[Mutant, ...] = (*FILE_MUTANTS, *XNNPACK_MUTANTS, *COREML_MUTANTS, *GPU_MUTANTS)


@dataclass(frozen=True)
class Caught:
    """failed: name -> kind of every case that failed; empty if nothing caught the mutant."""

    mutant: Mutant
    failed: Mapping[str, str]

    def row(self) -> str:
        """One line of the table: program, what is wrong, the check that should catch it, all that caught it."""
        mutant = self.mutant
        seen = ", ".join(self.failed) or "NOT CAUGHT"
        return f"{mutant.program} | {mutant.name} | {mutant.caught_by} ({mutant.kind}) | {seen}"


CAUGHT: list[Caught] = []


def mutants(quick: bool) -> list[Any]:
    """The mutants of the ordinary run, or all others, as parameters of a test."""
    return [
        pytest.param(one, id=f"{one.program}: {one.name}") for one in MUTANTS if one.quick == quick
    ]


def programs(quick: bool) -> list[str]:
    return sorted({one.program for one in MUTANTS if one.quick == quick})


def check_caught(mutant: Mutant, folder: Path) -> None:
    """Asserts that the mutant fails by the check that should catch it."""
    workspace = make_workspace(folder, _seeded(mutant.program))
    mutant.change(workspace)
    cases = workspace.run()
    failed = failed_kinds(cases)
    CAUGHT.append(Caught(mutant, failed))
    assert verdict(list(cases.values())) == "failed", "the mutant would be published"
    assert failed.get(mutant.caught_by) == mutant.kind, failed


def check_passes(program: str, folder: Path) -> None:
    """Asserts that nothing fails without a mutation, not even after ExecuTorch rewrote the file."""
    artifact = _seeded(program)
    workspace = make_workspace(folder, artifact)
    again = edit_program(artifact.pte, unchanged)
    if again != artifact.pte:
        replace_program(workspace, again)
    cases = list(workspace.run().values())
    assert [case for case in cases if case.status == "failed"] == []
    # Everything was checked: no mutant could slip through a skipped case.
    interpreted = artifact.backend not in ("portable", "xnnpack")
    assert evidence(cases) == ("interpreted" if interpreted else "executed")


def _seeded(program: str) -> PackagedArtifact:
    artifact = read_artifact(program)
    if artifact.report["weights"]["source"] != "seeded":
        pytest.skip("mutants are made from programs with seeded weights: --weights-source=seeded")
    return artifact
