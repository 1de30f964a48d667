from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from pte_foundry.errors import PteError
from pte_foundry.index.compare_main import index_differences, main
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json, write_json
from pte_foundry.testing.indexes import sample_index
from pte_foundry.testing.reports import SHA

PORTABLE = "mobilenet/mobilenet_v3_small_portable.pte"
XNNPACK = "mobilenet/mobilenet_v3_small_xnnpack.pte"


@pytest.fixture()
def index(tmp_path: Path) -> dict[str, Any]:
    return sample_index(tmp_path)


@pytest.fixture()
def files(tmp_path: Path, index: dict[str, Any]) -> tuple[Path, Path]:
    """A committed and a built index, equal."""
    committed, built = tmp_path / "index.json", tmp_path / "built/index.json"
    built.parent.mkdir()
    write_json(committed, index)
    write_json(built, index)
    return committed, built


def compare(files: tuple[Path, Path]) -> int:
    committed, built = files
    return main([str(built.parent), str(committed)])


def test_a_current_file(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(files) == 0
    assert capsys.readouterr().out == f"{files[0]} is current\n"


def test_a_stale_file_is_reported_with_differences_and_remedy(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    index: Any = read_json(files[0])
    index["models"][0]["hash"] = "f" * 64
    write_json(files[0], index)
    assert compare(files) == 1
    told = capsys.readouterr().out
    assert (
        "is stale:\n  changed mobilenet/mobilenet_v3_small_portable.pte: hash ffffffffffff ->"
        in told
    )
    assert "./foundry update-index" in told


def test_one_stale_file_of_two(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    index: Any = read_json(files[0])
    other, built = (file.parent / "index_1_4.json" for file in files)
    write_json(built, index)
    index["models"][0]["hash"] = "f" * 64
    write_json(other, index)
    for order in ([files[0], other], [other, files[0]]):
        assert main([str(built.parent), *map(str, order)]) == 1
        told = capsys.readouterr().out
        assert f"{files[0]} is current\n" in told and f"{other} is stale:\n" in told


def test_another_form_of_the_same_content_is_stale(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    files[0].write_text(files[0].read_text().replace("\n", "\r\n"), newline="")
    assert compare(files) == 1
    assert "the same content in another form" in capsys.readouterr().out


def test_no_file(files: tuple[Path, Path]) -> None:
    files[0].unlink()
    with pytest.raises(PteError, match="does not exist. Make it: `./foundry update-index`"):
        compare(files)


def test_a_file_that_is_not_an_index(files: tuple[Path, Path]) -> None:
    files[0].write_text("<<<<<<< HEAD\n")
    with pytest.raises(PteError, match="not valid JSON"):
        compare(files)


def told(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    found = index_differences(Fields(old, "index.json"), Fields(new, "dist/index.json"))
    return [str(difference) for difference in found]


def test_equal_indexes_do_not_differ(index: dict[str, Any]) -> None:
    assert told(index, copy.deepcopy(index)) == []


def test_a_changed_artifact_is_reported_with_hash_size_and_toolchain_first(
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


def test_a_new_or_removed_field_is_reported(index: dict[str, Any]) -> None:
    new = copy.deepcopy(index)
    new["models"][0]["colour"] = {"red": True}
    del new["models"][0]["license"]
    assert told(index, new) == [
        f'changed {PORTABLE}: colour nothing -> {{"red": true}}, license BSD-3-Clause -> nothing'
    ]


def test_a_newer_schema_is_refused(index: dict[str, Any]) -> None:
    with pytest.raises(PteError, match="index.json has the schema version 2"):
        told({**index, "schemaVersion": 2}, index)
