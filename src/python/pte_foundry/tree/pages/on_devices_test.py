from __future__ import annotations

from typing import Any

import pytest

from pte_foundry.records.device_result import DeviceResult
from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.sample_device_results import sample_device_result
from pte_foundry.tree.pages.on_devices import accuracy_text, parity_text


def difference(case: str, value: float) -> dict[str, Any]:
    return {"case": case, "max_abs_difference": value}


@pytest.mark.parametrize(
    ("cases", "text"),
    [
        ([{"case": "a", "passed": True}], "1 of 1 inputs agree"),
        (
            [difference("a", 0.5), difference("b", 0.25)],
            "2 of 2 inputs agree, largest difference 0.5",
        ),
        (
            [difference("a", 0.25), difference("b", 0.75), {"case": "c", "passed": False}],
            "1 of 3 inputs agree, largest difference 0.75; not b, c",
        ),
        (
            [{"case": name, "passed": False} for name in "edcba"],
            "0 of 5 inputs agree; not a, b, c and 2 more",
        ),
    ],
)
def test_parity_in_words(cases: Any, text: str) -> None:
    result = DeviceResult.read(Fields(sample_device_result(parity=cases), "a result"))
    assert parity_text(result, 0.5) == text


def test_parity_that_was_not_measured() -> None:
    result = sample_device_result()
    del result["parity"]
    assert parity_text(DeviceResult.read(Fields(result, "a result")), 0.5) == "–"


def test_accuracy_in_words() -> None:
    accuracy = DeviceResult.read(Fields(sample_device_result(), "a result")).accuracy
    assert accuracy is not None
    assert accuracy_text(accuracy) == (
        "top-1 70.0 % (eager fp32 80.0 %), top-5 90.0 %; 10 pictures of ten pets"
    )
