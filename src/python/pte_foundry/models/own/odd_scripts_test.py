from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.testing.hostile.endings import LOADED, REFUSED
from pte_foundry.testing.hostile.odd_scripts import attack
from pte_foundry.testing.hostile.script_bodies import harmless_bodies

_MAY_LOAD = {
    *("good", "packed values", "without byteorder", "with extra files", "text over lines"),
    *harmless_bodies(),
}


@pytest.mark.filterwarnings("ignore")
def test_every_odd_script_is_refused_or_right(tmp_path: Path) -> None:
    tried = attack(tmp_path, damaged_scripts=20)
    bad = [one for one in tried if one.ended not in (LOADED, REFUSED)]
    assert not bad, bad[0]
    named = [one for one in tried if not one.name.startswith("damaged ")]
    assert len(named) >= 170
    assert {one.name for one in named if one.ended == LOADED} == _MAY_LOAD
    for one in tried:
        assert len(one.detail) < 1500 and one.detail.isprintable(), one.name
        assert one.ended == LOADED or one.detail.startswith("bad-checkpoint")
