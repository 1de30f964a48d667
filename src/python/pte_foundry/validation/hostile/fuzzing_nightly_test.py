"""The long campaign: a thousand hostile files."""

from __future__ import annotations

from pathlib import Path

from pte_foundry.exporting.export import ExportResult
from pte_foundry.validation.hostile.campaign import run_campaign

FILES = 1000


def test_a_thousand_hostile_files_end_in_failed_cases(
    tmp_path: Path, xnnpack: ExportResult, portable: ExportResult, vulkan: ExportResult
) -> None:
    exported = {"xnnpack": xnnpack, "portable": portable, "vulkan": vulkan}
    campaign = run_campaign(tmp_path, exported, 0, FILES)
    assert campaign.outcomes["passed"] < FILES // 2
    # As many as this have to take a process down: without limits, the validation would have ended.
    assert sum(campaign.endings.values()) >= 3
    assert {"structure", "load", "run", "mismatch", "delegation"} <= campaign.failed_kinds.keys()
