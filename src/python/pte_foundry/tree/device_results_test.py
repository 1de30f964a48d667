from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.device_result import LARGEST_RESULT, DeviceResult
from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.sample_device_results import sample_device_result
from pte_foundry.tree.device_results import MOST_RESULTS, read_result, read_results, results_text

FILE = "models/mobilenet/device_results/mobilenet_v3_small_xnnpack.json"


def result(**changes: Any) -> DeviceResult:
    return DeviceResult.read(Fields(sample_device_result(**changes), "a result"))


def on(device: str, date: str = "2026-11-30", load: float = 1.0) -> DeviceResult:
    source = {**sample_device_result()["source"], "date": date}
    return result(device={"model": device, "chip": "a chip"}, source=source, load_ms=load)


def test_what_is_written_is_read_and_does_not_depend_on_the_order(tmp_path: Path) -> None:
    ordered = [on("A"), on("B", "2026-01-01", 2.0), on("B", "2026-02-02"), on("B", "2026-02-02", 3)]
    text = results_text(ordered)
    assert text == results_text([*ordered[::-1], *ordered])
    (tmp_path / "content").write_text(text)
    assert read_results(FILE, tmp_path / "content") == tuple(ordered)


def test_a_file_takes_so_many(tmp_path: Path) -> None:
    full = [on("A", load=1 + number) for number in range(MOST_RESULTS)]
    (tmp_path / "content").write_text(results_text(full))
    assert len(read_results(FILE, tmp_path / "content")) == MOST_RESULTS
    with pytest.raises(PteError, match="has 101 results: a file takes 100. Remove old ones"):
        results_text([*full, on("B")])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not valid JSON"),
        ("[]", "is a list, not an object"),
        ("{}", "`schema_version` is missing"),
        ('{"schema_version": 2, "results": []}', "`schema_version` is not 1"),
        ('{"schema_version": 1, "results": []}', "has 0 results, and not 1 to 100"),
        ('{"schema_version": 1, "results": [], "more": 1}', "`more` is not one of"),
        ('{"schema_version": 1, "results": [{}]}', r"results\[0\]: `schema_version` is missing"),
    ],
)
def test_a_file_that_nobody_recorded(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "content").write_text(text)
    with pytest.raises(PteError, match=reason) as caught:
        read_results(FILE, tmp_path / "content")
    assert caught.value.kind == "bad-device-result"
    assert caught.value.message.startswith(FILE)
    assert caught.value.message.endswith(
        "record the results again with `./foundry record RESULT.json`"
    )


def test_the_result_of_another_program_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "content").write_text(results_text([result()]))
    with pytest.raises(PteError, match=r"`results\[0\]` is of another program than other.pte"):
        read_results("models/mobilenet/device_results/other.json", tmp_path / "content")


def test_a_single_result_from_outside(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_text(json.dumps(sample_device_result()))
    assert read_result(file) == result()
    file.write_text(json.dumps(sample_device_result()).replace("2.125", "NaN"))
    with pytest.raises(PteError, match="bad-device-result: .*result.json is not valid JSON: NaN"):
        read_result(file)
    file.write_text(json.dumps(sample_device_result()).replace("2.125", "-2.125"))
    with pytest.raises(PteError, match="bad-device-result: .*`median` is -2.125, not a number"):
        read_result(file)
    file.write_text(json.dumps(sample_device_result()) + " " * LARGEST_RESULT)
    with pytest.raises(PteError, match="larger than 65536 bytes"):
        read_result(file)
    with pytest.raises(PteError, match="none.json cannot be read: No such file"):
        read_result(tmp_path / "none.json")
