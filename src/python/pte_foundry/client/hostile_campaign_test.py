from __future__ import annotations

from pte_foundry.testing.hostile.client_campaign import BAD, run_campaign

SEED, INPUTS = 0, 120


def test_hostile_trees_and_servers_cause_clear_errors() -> None:
    """A sample of what the nightly campaign tries."""
    endings = run_campaign(SEED, INPUTS)
    print(endings)
    assert [ending for ending in endings if ending.startswith(BAD)] == []
    assert sum(endings.values()) == INPUTS
    # It reaches all parts of the client.
    assert {"fetched", "bad-catalogue", "download-failed", "wrong-content"} <= endings.keys()
    assert "insecure-address" in endings


def test_one_seed_gives_one_campaign() -> None:
    assert run_campaign(1, 12) == run_campaign(1, 12)
