from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pte_foundry.errors import PteError
from pte_foundry.index.index import build_index, megabytes, model_entry
from pte_foundry.index.schema import INDEX_SCHEMA
from pte_foundry.records.json_files import canonical_json
from pte_foundry.testing.indexes import (
    artifact,
    int8_index,
    portable_report,
    read_request,
    sample_report,
    write_reports,
)
from pte_foundry.testing.reports import SHA, sample_facts

XNNPACK = "mobilenet/mobilenet_v3_small_xnnpack.pte"


def index(folder: Path, **changes: object) -> dict[str, Any]:
    return build_index(read_request(folder, **changes))


def test_the_index_has_the_fields_that_readers_need(tmp_path: Path) -> None:
    write_reports(tmp_path)
    built = index(tmp_path)
    assert built["version"] == built["executorchVersion"] == "1.4.1"
    assert (built["generated"], built["baseUrl"]) == ("1970-01-01T00:00:00Z", ".")
    assert built["weightsSources"] == ["official"]
    assert built["labels"] == [
        {
            "name": "labels.txt",
            "category": "mobilenet",
            "hash": SHA,
            "size": 10472,
            "remoteUrl": "1.4.1/mobilenet/labels.txt",
        }
    ]
    assert built["backends"] == {
        "portable": {"description": "Portable kernels"},
        "xnnpack": {"description": "XNNPACK: optimised CPU kernels"},
    }
    assert [model["name"] for model in built["models"]] == [
        "mobilenet_v3_small_portable.pte",
        "mobilenet_v3_small_xnnpack.pte",
    ]


def test_the_order_of_the_request_does_not_matter(tmp_path: Path) -> None:
    write_reports(tmp_path)
    forward = read_request(tmp_path)
    backward = read_request(
        tmp_path,
        artifacts=[artifact(1, XNNPACK.replace("xnnpack", "portable")), artifact(0, XNNPACK)],
    )
    assert canonical_json(build_index(forward)) == canonical_json(build_index(backward))


def test_two_executorch_versions_are_refused_with_their_addresses(tmp_path: Path) -> None:
    other = sample_facts(versions={"executorch": "1.5.1"})
    write_reports(tmp_path, sample_report(other), portable_report())
    with pytest.raises(PteError) as caught:
        index(tmp_path)
    assert caught.value.kind == "bad-version"
    assert "1.4.1: models/mobilenet:mobilenet_v3_small_portable" in caught.value.message
    assert "1.5.1: models/mobilenet:mobilenet_v3_small_xnnpack" in caught.value.message


def test_one_key_for_two_artifacts_is_refused(tmp_path: Path) -> None:
    write_reports(tmp_path, sample_report(), sample_report(address="models/other:same"))
    with pytest.raises(PteError, match="mobilenet_v3_small_xnnpack") as caught:
        index(tmp_path, artifacts=[artifact(0, XNNPACK), artifact(1, XNNPACK)])
    assert caught.value.kind == "duplicate"


def test_an_index_of_nothing_is_refused_with_the_reasons(tmp_path: Path) -> None:
    with pytest.raises(PteError, match="no QNN SDK is set") as caught:
        index(tmp_path, artifacts=[])
    assert caught.value.kind == "empty-index"


def test_one_backend_with_two_descriptions_is_refused(tmp_path: Path) -> None:
    facts = sample_facts(model="mobilenet_v2")
    fast = sample_report(facts, model="mobilenet_v2", backend_description="fast")
    write_reports(tmp_path, sample_report(), fast)
    with pytest.raises(PteError, match="Describe it once"):
        index(
            tmp_path,
            artifacts=[artifact(0, XNNPACK), artifact(1, "mobilenet/mobilenet_v2_xnnpack.pte")],
        )


def test_what_is_unavailable_is_listed_by_address_with_its_reason(tmp_path: Path) -> None:
    write_reports(tmp_path)
    entry = {"model": "m", "backend": "qnn", "precision": "fp32", "reason": "no SDK is set"}
    entries = [{**entry, "address": address} for address in ("models/b:m_qnn", "models/a:m_qnn")]
    index = build_index(read_request(tmp_path, unavailable=entries))
    assert index["unavailable"] == entries[::-1]


def entry(
    folder: Path,
    report: dict[str, object] | None = None,
    path: str = XNNPACK,
    base_url: str = ".",
    labels: list[object] | None = None,
    **changes: object,
) -> dict[str, Any]:
    write_reports(folder, report or sample_report())
    request_changes: dict[str, object] = {} if labels is None else {"labels": labels}
    request = read_request(
        folder, base_url=base_url, artifacts=[artifact(0, path, **changes)], **request_changes
    )
    return model_entry(request, request.artifacts[0], "1.4.1")


def test_an_entry_says_where_the_file_is_and_what_it_holds(tmp_path: Path) -> None:
    built = entry(tmp_path)
    assert {key: built[key] for key in ("name", "modelName", "category", "backend")} == {
        "name": "mobilenet_v3_small_xnnpack.pte",
        "modelName": "mobilenet_v3_small",
        "category": "mobilenet",
        "backend": "xnnpack",
    }
    assert (built["hash"], built["size"], built["sizeMB"]) == (SHA, 10234567, 10.23)
    assert built["inputSize"] == 224
    assert built["remoteUrl"] == "1.4.1/mobilenet/mobilenet_v3_small_xnnpack.pte"
    assert built["labelsFile"] == "labels.txt"
    assert built["labelsRemoteUrl"] == "1.4.1/mobilenet/labels.txt"
    assert built["validation"]["verdict"] == "passed"
    assert built["validation"]["checks"]["min_cosine"] == 0.9999
    assert built["toolchain"]["executorch"] == "1.4.1"
    assert built["parameters"] == {"count": 2542856, "bytes": 10171424}


@pytest.mark.parametrize("base_url", ["https://example.org/m", "https://example.org/m/"])
def test_an_absolute_base_url_is_joined_with_one_slash(tmp_path: Path, base_url: str) -> None:
    url = entry(tmp_path, base_url=base_url)["remoteUrl"]
    assert url == "https://example.org/m/1.4.1/mobilenet/mobilenet_v3_small_xnnpack.pte"


def test_another_precision_than_the_default_is_part_of_the_model_name(tmp_path: Path) -> None:
    report = sample_report(sample_facts(precision="bf16"), precision="bf16")
    built = entry(tmp_path, report, "mobilenet/mobilenet_v3_small_bf16_xnnpack.pte")
    assert built["modelName"] == "mobilenet_v3_small_bf16"
    assert built["quantization"] is None


def test_a_family_without_labels_has_null_fields(tmp_path: Path) -> None:
    built = entry(tmp_path, sample_report(labels=None), labels=[])
    assert built["labelsFile"] is None and built["labelsRemoteUrl"] is None


def test_megabytes_are_decimal() -> None:
    assert megabytes(1_500_000) == 1.5
    assert megabytes(10_306_551) == 10.31


@pytest.mark.parametrize("verdict", ["failed", "skipped", "Passed"])
def test_what_did_not_pass_gets_into_no_index(tmp_path: Path, verdict: str) -> None:
    with pytest.raises(PteError) as caught:
        entry(tmp_path, validation={"verdict": verdict, "evidence": "executed"})
    assert caught.value.kind == "unvalidated"


def test_a_program_without_checks_gets_into_no_index(tmp_path: Path) -> None:
    with pytest.raises(PteError, match="names no checks"):
        entry(tmp_path, sample_report(checks=None))


@pytest.mark.parametrize(
    "path", ["mobilenet/x_xnnpack.pte", "yolo/mobilenet_v3_small_xnnpack.pte", XNNPACK + "x"]
)
def test_a_file_name_that_readers_would_misread_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(PteError, match="readers expect") as caught:
        entry(tmp_path, path=path)
    assert caught.value.kind == "bad-path"


@pytest.mark.parametrize(
    "labels",
    [
        [],
        [{"category": "mobilenet", "name": "labels.txt", "sha256": SHA[::-1], "size": 10472}],
        [{"category": "mobilenet", "name": "labels.txt", "sha256": SHA, "size": 1}],
    ],
)
def test_a_label_file_that_is_not_the_reports_is_refused(
    tmp_path: Path, labels: list[object]
) -> None:
    with pytest.raises(PteError, match="labels.txt") as caught:
        entry(tmp_path, labels=labels)
    assert caught.value.kind == "bad-request"


def test_an_entry_says_how_much_is_quantized(tmp_path: Path) -> None:
    built = int8_index(tmp_path)
    (model,) = built["models"]
    assert (model["modelName"], model["precision"]) == ("mobilenet_v3_small_int8", "int8")
    assert model["quantization"] == {
        "recipe": "pte_foundry.quantization.recipes.xnnpack_static",
        "calibration_pictures": 2,
        "weights_fraction": 0.998765,
        "compute_fraction": 0.95,
    }
    Draft202012Validator(INDEX_SCHEMA).validate(built)


@pytest.mark.parametrize(
    "wrong",
    [
        {"weights_fraction": 1.5},
        {"compute_fraction": None},
        {"calibration_pictures": -1},
        {"recipe": ""},
    ],
)
def test_the_schema_refuses_a_wrong_value(tmp_path: Path, wrong: dict[str, object]) -> None:
    built = int8_index(tmp_path)
    built["models"][0]["quantization"].update(wrong)
    assert not Draft202012Validator(INDEX_SCHEMA).is_valid(built)
