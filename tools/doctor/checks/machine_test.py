from __future__ import annotations

from pathlib import Path

import pytest

from doctor.checks.finding import State
from doctor.checks.resources import check_disk, check_memory

GB = 1_000_000_000


@pytest.mark.parametrize(
    ("available", "parallel", "state"),
    [
        (2 * GB, 1, State.missing),
        (3 * GB, 1, State.ok),
        (11 * GB, 4, State.limited),
        (12 * GB, 4, State.ok),
    ],
)
def test_memory_has_to_suffice_for_an_export_and_better_for_all(
    available: int, parallel: int, state: State
) -> None:
    assert check_memory(available, parallel).state == state


def test_the_remedy_names_the_number_that_fits() -> None:
    assert "parallelism=3" in check_memory(11 * GB, 4).remedy


@pytest.mark.parametrize(
    ("free", "state"), [(4 * GB, State.missing), (5 * GB, State.limited), (20 * GB, State.ok)]
)
def test_disk(free: int, state: State) -> None:
    finding = check_disk(Path("/cache"), free)
    assert finding.state == state
    assert bool(finding.remedy) == (state != State.ok)
