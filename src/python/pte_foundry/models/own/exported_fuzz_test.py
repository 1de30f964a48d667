"""The short attack; `tests/attacks` has the long one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.export import ExportedProgram

from pte_foundry.models.own import exported_program
from pte_foundry.testing.hostile.exported_fuzz import attack_exported

FILES = 100


def test_a_hundred_changed_files_run_nothing(tmp_path: Path) -> None:
    tally = attack_exported(tmp_path, FILES)
    print(tally)
    assert not tally.failures, tally.failures
    assert tally.tried == sum(tally.ends.values()) == FILES
    assert tally.ends["refused"] > FILES / 2 and tally.ends["same"] > 0


def test_the_attack_notices_what_torch_alone_lets_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(path: Path, operators: object) -> ExportedProgram:
        return torch.export.load(path)

    monkeypatch.setattr(exported_program, "load_exported_archive", load)
    tally = attack_exported(tmp_path, 30)
    kinds = {one.partition(":")[0] for one in tally.failures}
    assert {"code runs", "raw tracebacks", "wrong weights"} <= kinds, str(tally)
