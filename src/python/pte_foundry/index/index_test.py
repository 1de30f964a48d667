from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pte_foundry.errors import PteError
from pte_foundry.index.index import build_index
from pte_foundry.records.json_files import canonical_json
from pte_foundry.testing.indexes import (
    artifact,
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
