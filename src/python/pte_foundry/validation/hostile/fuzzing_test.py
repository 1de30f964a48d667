"""Hostile files end in failed cases, within the limits, and never in a crash of the validation."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pte_foundry.exporting.export import ExportResult
from pte_foundry.testing.hostile.campaign import run_campaign
from pte_foundry.testing.hostile.hostile_answers import answers
from pte_foundry.testing.hostile.hostile_files import (
    SORTS,
    field_places,
    hostile_files,
    table_places,
)

# With every sort of damage, and five files or more out of each program; tests/attacks tries many more.
FIRST, FILES, ANSWERS = 10, 25, 30


def test_hostile_files_end_in_failed_cases(
    tmp_path: Path, xnnpack: ExportResult, portable: ExportResult, vulkan: ExportResult
) -> None:
    exported = {"xnnpack": xnnpack, "portable": portable, "vulkan": vulkan}
    campaign = run_campaign(tmp_path, exported, FIRST, FILES)
    files = list(hostile_files({name: one.pte for name, one in exported.items()}, FIRST, FILES))
    assert {file.sort for file in files} == {sort.__name__ for sort in SORTS}
    assert {file.original for file in files} == exported.keys()
    # Or else the files would not be hostile enough to show anything.
    assert campaign.outcomes["passed"] < FILES // 2
    assert {"structure", "load"} <= campaign.failed_kinds.keys()


def test_hostile_answers_are_refused() -> None:
    outcomes = answers(0, ANSWERS)
    assert sum(outcomes.values()) == ANSWERS
    assert outcomes["crash"] + outcomes["structure"] + outcomes["load"] > ANSWERS // 2, outcomes


@pytest.fixture()
def originals(xnnpack: ExportResult, portable: ExportResult) -> dict[str, bytes]:
    return {"xnnpack": xnnpack.pte, "portable": portable.pte}


def test_a_file_depends_on_its_number_alone(originals: dict[str, bytes]) -> None:
    all_files = list(hostile_files(originals, 0, 3 * len(SORTS)))
    assert list(hostile_files(originals, 7, 10)) == all_files[7:17]
    assert {file.sort for file in all_files} == {sort.__name__ for sort in SORTS}
    assert {file.original for file in all_files} == {"xnnpack", "portable"}


def test_the_files_differ_from_the_good_ones_and_each_other(originals: dict[str, bytes]) -> None:
    files = list(hostile_files(originals, 0, 200))
    harmless = [file for file in files if file.pte in originals.values()]
    # An extreme number may be the one that was there.
    assert len(harmless) <= 10
    digests = {hashlib.sha256(file.pte).hexdigest() for file in files}
    assert len(digests) >= 180


def test_places_are_those_of_the_graph(xnnpack: ExportResult) -> None:
    tables = table_places(xnnpack.pte)
    size = int.from_bytes(xnnpack.pte[16:24], "little")
    assert len(tables) > 10
    for table in tables:
        assert all(table < place < size for place in field_places(xnnpack.pte, table))
