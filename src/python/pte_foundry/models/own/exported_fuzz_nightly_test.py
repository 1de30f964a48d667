"""The long attack on the loading of `.pt2` files."""

from __future__ import annotations

from pathlib import Path

from pte_foundry.testing.hostile.exported_fuzz import attack_exported

FILES = 2000


def test_two_thousand_changed_files_run_nothing(tmp_path: Path) -> None:
    tally = attack_exported(tmp_path, FILES, seed=1)
    print(tally)
    assert not tally.failures, tally.failures
    assert tally.tried == sum(tally.ends.values()) == FILES
