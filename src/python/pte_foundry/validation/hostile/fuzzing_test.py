"""Hostile files end in failed cases, within the limits, and never in a crash of the validation."""

from __future__ import annotations

from pathlib import Path

from pte_foundry.exporting.export import ExportResult
from pte_foundry.testing.hostile.campaign import run_campaign
from pte_foundry.testing.hostile.hostile_answers import answers

FILES, ANSWERS = 50, 60


def test_hostile_files_end_in_failed_cases(
    tmp_path: Path, xnnpack: ExportResult, portable: ExportResult, vulkan: ExportResult
) -> None:
    exported = {"xnnpack": xnnpack, "portable": portable, "vulkan": vulkan}
    campaign = run_campaign(tmp_path, exported, 0, FILES)
    # Or else the files would not be hostile enough to show anything.
    assert campaign.outcomes["passed"] < FILES // 2
    assert {"structure", "load"} <= campaign.failed_kinds.keys()


def test_hostile_answers_are_refused() -> None:
    outcomes = answers(0, ANSWERS)
    assert sum(outcomes.values()) == ANSWERS
    assert outcomes["crash"] + outcomes["structure"] + outcomes["load"] > ANSWERS // 2, outcomes
