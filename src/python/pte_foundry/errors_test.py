from __future__ import annotations

import pickle

from pte_foundry.errors import PteError


def test_text_is_kind_then_message() -> None:
    assert str(PteError("bad-option", "no such option")) == "bad-option: no such option"


def test_survives_a_process_boundary() -> None:
    copy = pickle.loads(pickle.dumps(PteError("structure", "truncated")))
    assert (copy.kind, copy.message) == ("structure", "truncated")
