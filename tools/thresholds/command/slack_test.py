from __future__ import annotations

import json
from pathlib import Path

import pytest

from thresholds.command.slack import Slack, read_slacks
from workspace.errors import ToolError


@pytest.mark.parametrize(
    ("field", "measured", "threshold", "times", "suggested"),
    [
        ("max_abs_difference", 1.3e-5, 1.3e-3, 100.0, 1.1e-4),
        ("max_abs_difference", 0.5, 2.0, 4.0, 4.0),
        ("max_abs_difference", 12.0, 90.0, 7.5, 96.0),
        ("min_cosine", 0.9998, 0.999, 5.0, 0.9984),
        ("min_top1_agreement", 1.0, 1.0, None, None),
        ("max_extra_detections", 0.0, 0.05, None, None),
    ],
)
def test_slack_and_suggestion(
    field: str, measured: float, threshold: float, times: float | None, suggested: float | None
) -> None:
    slack = Slack("a:b", field, measured, threshold)
    assert slack.times == (None if times is None else pytest.approx(times))
    assert slack.suggested == (None if suggested is None else pytest.approx(suggested))


def test_a_suggestion_has_no_digits_but_its_own() -> None:
    assert repr(Slack("a:b", "min_cosine", 1 - 3.7e-13, 0.9).suggested) == "0.999999999997"


def _write(file: Path, measured: float) -> Path:
    thresholds = {"max_abs_difference": {"measured": measured, "threshold": 1.0}}
    file.write_text(json.dumps({"address": "a:b", "thresholds": thresholds}))
    return file


def test_the_worst_of_several_validations_of_a_program_counts(tmp_path: Path) -> None:
    files = [_write(tmp_path / f"{number}.json", number / 10) for number in (1, 4, 2)]
    assert read_slacks(files) == [Slack("a:b", "max_abs_difference", 0.4, 1.0)]


@pytest.mark.parametrize("text", ["", "[]", '{"address": "a:b"}'])
def test_another_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.validation.json").write_text(text)
    with pytest.raises(ToolError, match="x.validation.json is not the result"):
        read_slacks([tmp_path / "x.validation.json"])
