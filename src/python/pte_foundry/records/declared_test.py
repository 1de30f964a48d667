from __future__ import annotations

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.declared import Declared
from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.reports import SHA, sample_declared


def read(**changes: object) -> Declared:
    return Declared.read(Fields(sample_declared(**changes), "declared.json"))


def weights(**changes: object) -> dict[str, object]:
    return {**dict(vars(read().weights)), **changes}


def test_json_round_trip() -> None:
    assert read().to_json() == sample_declared()
    assert read(labels=None, checks=None).to_json() == sample_declared(labels=None, checks=None)


def test_seeded_weights_have_no_hash() -> None:
    assert read(weights=weights(source="seeded", sha256=None)).weights.sha256 is None


def test_platforms_are_sorted_whatever_their_order_in_the_build_file() -> None:
    assert read(platforms=["macos", "ios"]).platforms == ("ios", "macos")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"weights": weights(source="seeded")}, "`sha256` has to be null for seeded"),
        ({"weights": weights(sha256=None)}, "`sha256` has to be null for seeded"),
        ({"weights": weights(source="guessed")}, "official, substitute, seeded"),
        ({"backend": "core_ml"}, "has no `_`"),
        ({"platforms": []}, "`platforms`"),
        ({"platforms": ["ios", "ios"]}, "`platforms`"),
        ({"platforms": ["amiga"]}, "`platforms`"),
        ({"labels": {"file": "labels.txt", "sha256": SHA[1:], "size": 1}}, "labels: `sha256`"),
        (
            {"checks": {"min_cosine": None, "max_abs_difference": None, "photographs": {}}},
            "prove nothing",
        ),
        (
            {"checks": {"min_cosine": 2, "max_abs_difference": None, "photographs": {}}},
            "not between -1 and 1",
        ),
        (
            {"checks": {"min_cosine": None, "max_abs_difference": -1, "photographs": {}}},
            "below 0",
        ),
    ],
)
def test_wrong_declarations_are_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(PteError, match=reason) as caught:
        read(**changes)
    assert caught.value.kind == "bad-request"
