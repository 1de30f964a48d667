from __future__ import annotations

import pytest

from pte_foundry.exporting.export import ExportResult
from pte_foundry.validation.structure import extent_outcome


def test_a_whole_file_passes(xnnpack: ExportResult, portable: ExportResult) -> None:
    for exported in (xnnpack, portable):
        outcome = extent_outcome(exported.pte)
        assert outcome.message == "it ends with its last segment" and outcome.problems == ()


@pytest.mark.parametrize("change", [-1, 1, -100])
def test_another_length_is_a_problem(xnnpack: ExportResult, change: int) -> None:
    pte = xnnpack.pte + b"\0" if change > 0 else xnnpack.pte[:change]
    (problem,) = extent_outcome(pte).problems
    assert f"has {len(pte)} bytes, but its header says {len(xnnpack.pte)}" in problem
