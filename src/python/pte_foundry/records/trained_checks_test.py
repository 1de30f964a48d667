from __future__ import annotations

from dataclasses import fields

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.trained_checks import TrainedChecks

NONE: dict[str, object] = {field.name: None for field in fields(TrainedChecks)}


def read(**thresholds: object) -> TrainedChecks:
    return TrainedChecks.read(Fields({**NONE, **thresholds}, "checks.json"))


def test_json_round_trip() -> None:
    thresholds = {"min_trained_cosine": 0.97, "max_extra_detections": 0.0}
    assert read(**thresholds).to_json() == {**NONE, **thresholds}


@pytest.mark.parametrize(
    ("thresholds", "reason"),
    [
        ({}, "all null"),
        ({"min_trained_cosine": 1.5}, "`min_trained_cosine` is 1.5, not between -1 and 1"),
        ({"min_top1_agreement": -0.1}, "not between 0 and 1"),
        # A percentage is a likely mistake.
        ({"min_matched_detections": 95}, "not between 0 and 1"),
        ({"max_score_difference": "0.1"}, "not a number"),
    ],
)
def test_bad_thresholds_are_refused(thresholds: dict[str, object], reason: str) -> None:
    with pytest.raises(PteError, match=reason) as caught:
        read(**thresholds)
    assert caught.value.kind == "bad-request"


def test_every_threshold_is_required() -> None:
    others = {name: 0.9 for name in NONE if name != "max_score_difference"}
    with pytest.raises(PteError, match="`max_score_difference` is missing"):
        TrainedChecks.read(Fields(others, "a"))


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        ("min_trained_cosine", False),
        ("min_top1_agreement", False),
        ("min_matched_detections", True),
        ("max_extra_detections", True),
        ("max_score_difference", True),
        ("min_box_iou", True),
    ],
)
def test_any_bound_on_detections_asks_for_them(threshold: str, expected: bool) -> None:
    # 0 is the strictest bound, not none.
    assert read(**{threshold: 0.0}).judges_detections is expected


def test_only_all_found_and_none_invented_is_without_losses() -> None:
    assert not read(min_matched_detections=1.0, max_extra_detections=0.0).allows_losses
    assert read(min_matched_detections=0.99, max_extra_detections=0.0).allows_losses
    assert read(min_matched_detections=1.0).allows_losses
