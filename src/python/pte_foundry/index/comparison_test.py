from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from pte_foundry.errors import PteError
from pte_foundry.index.comparison import index_differences
from pte_foundry.index.index import build_index
from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.indexes import read_request, write_reports
from pte_foundry.testing.reports import SHA

PORTABLE = "mobilenet/mobilenet_v3_small_portable.pte"
XNNPACK = "mobilenet/mobilenet_v3_small_xnnpack.pte"


@pytest.fixture()
def index(tmp_path: Path) -> dict[str, Any]:
    write_reports(tmp_path)
    return build_index(read_request(tmp_path))


def told(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    found = index_differences(Fields(old, "index.json"), Fields(new, "dist/index.json"))
    return [str(difference) for difference in found]


def test_equal_indexes_do_not_differ(index: dict[str, Any]) -> None:
    assert told(index, copy.deepcopy(index)) == []


def test_a_changed_artifact_is_told_with_hash_size_and_toolchain_first(
    index: dict[str, Any],
) -> None:
    new = copy.deepcopy(index)
    new["models"][1].update(hash="f" * 64, size=7)
    new["models"][1]["toolchain"]["torch"] = "2.14.0"
    new["models"][1]["validation"]["checks"]["min_cosine"] = 0.5
    assert told(index, new) == [
        f"changed {XNNPACK}: hash {SHA[:12]} -> ffffffffffff, size 10234567 -> 7, "
        "toolchain.torch 2.13.0+cpu -> 2.14.0, validation.checks.min_cosine 0.9999 -> 0.5"
    ]


def test_what_is_gone_and_what_is_new(index: dict[str, Any]) -> None:
    fewer = {**index, "models": index["models"][1:], "labels": []}
    assert told(index, fewer) == [f"gone    {PORTABLE}", "gone    mobilenet/labels.txt"]
    assert told(fewer, index) == [f"new     {PORTABLE}", "new     mobilenet/labels.txt"]


def test_fields_of_the_index_itself(index: dict[str, Any]) -> None:
    new = {**index, "generated": "2026-01-01T00:00:00Z", "weightsSources": ["seeded"]}
    assert told(index, new) == [
        "changed `generated`: 1970-01-01T00:00:00Z -> 2026-01-01T00:00:00Z",
        'changed `weightsSources`: ["official"] -> ["seeded"]',
    ]


def test_what_became_available(index: dict[str, Any]) -> None:
    address = "models/mobilenet:mobilenet_v3_small_qnn"
    assert told(index, {**index, "unavailable": []}) == [f"gone    {address} (unavailable)"]


def test_a_field_that_is_new_or_gone_is_told(index: dict[str, Any]) -> None:
    new = copy.deepcopy(index)
    new["models"][0]["colour"] = {"red": True}
    del new["models"][0]["license"]
    assert told(index, new) == [
        f'changed {PORTABLE}: colour nothing -> {{"red": true}}, license BSD-3-Clause -> nothing'
    ]


def test_a_newer_form_is_refused(index: dict[str, Any]) -> None:
    with pytest.raises(PteError, match="index.json has the schema version 2"):
        told({**index, "schemaVersion": 2}, index)
