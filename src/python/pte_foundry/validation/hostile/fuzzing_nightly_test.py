"""The long campaign: a thousand hostile files, and as many answers."""

from __future__ import annotations

from pathlib import Path

from pte_foundry.exporting.export import ExportResult
from pte_foundry.testing.hostile.campaign import run_campaign
from pte_foundry.testing.hostile.hostile_answers import answers

FILES = 1000


def test_a_thousand_hostile_answers_are_refused() -> None:
    outcomes = answers(0, FILES)
    print(f"{FILES} answers: {dict(sorted(outcomes.items()))}")
    assert outcomes["crash"] + outcomes["structure"] + outcomes["load"] > FILES // 2


def test_a_thousand_hostile_files_end_in_failed_cases(
    tmp_path: Path, xnnpack: ExportResult, portable: ExportResult, vulkan: ExportResult
) -> None:
    exported = {"xnnpack": xnnpack, "portable": portable, "vulkan": vulkan}
    campaign = run_campaign(tmp_path, exported, 0, FILES)
    assert campaign.outcomes["passed"] < FILES // 2
    # As many as this have to take a process down: without limits, the validation would have ended.
    assert sum(campaign.endings.values()) >= 3
    assert {"structure", "load", "run", "mismatch", "delegation"} <= campaign.failed_kinds.keys()
