from __future__ import annotations

from pte_foundry.testing.hostile.tree_campaign import BAD, run_campaign

SEED, INPUTS = 0, 60


def test_hostile_trees_have_defects() -> None:
    """A sample of what the nightly campaign tries."""
    endings = run_campaign(SEED, INPUTS)
    print(endings)
    assert [ending for ending in endings if ending.startswith(BAD)] == []
    assert sum(endings.values()) == INPUTS
    assert endings.keys() == {"defects", "sound"}
    assert endings["sound"] < INPUTS / 4
