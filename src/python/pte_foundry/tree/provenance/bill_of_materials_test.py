from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import canonical_json
from pte_foundry.testing.indexes import LOCK, LOCK_TEXT, read_origin, sample_index
from pte_foundry.testing.reports import SHA
from pte_foundry.tree.provenance.bill_of_materials import (
    Package,
    bill_of_materials,
    locked_packages,
)

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)
CHECKPOINT = f"checkpoint:models/mobilenet:mobilenet_v3_small_weights:{SHA}"
XNNPACK = "1.4.1/mobilenet/mobilenet_v3_small_xnnpack.pte"


def bom(index: dict[str, Any], index_sha256: str = "1" * 64, **origin: object) -> dict[str, Any]:
    return bill_of_materials(
        read_origin(**origin), Fields(index, "index.json"), [index_sha256], {LOCK: LOCK_TEXT}
    )


def component(built: dict[str, Any], reference: str) -> dict[str, Any]:
    (found,) = (each for each in built["components"] if each["bom-ref"] == reference)
    return dict(found)


def dependencies(built: dict[str, Any]) -> dict[str, list[str]]:
    return {each["ref"]: each.get("dependsOn", []) for each in built["dependencies"]}


def test_it_keeps_to_the_schema(tmp_path: Path) -> None:
    built = bom(sample_index(tmp_path))
    assert VALIDATOR.validate_str(canonical_json(built)) is None
    built["components"][0]["licenses"] = [{"license": {"id": "No such licence"}}]
    assert VALIDATOR.validate_str(canonical_json(built)) is not None


def test_programs_and_checkpoints_are_models_with_licence_and_hash(tmp_path: Path) -> None:
    index = sample_index(tmp_path)
    built = bom(index)
    program = component(built, XNNPACK)
    assert program["type"] == "machine-learning-model"
    assert program["hashes"] == [{"alg": "SHA-256", "content": SHA}]
    assert program["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    assert program["externalReferences"] == [
        {"type": "model-card", "url": "1.4.1/mobilenet/README.md"}
    ]
    checkpoint = component(built, CHECKPOINT)
    assert checkpoint["hashes"] == [{"alg": "SHA-256", "content": SHA}]
    assert checkpoint["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]


def test_a_program_depends_on_its_checkpoint_and_its_toolchain(tmp_path: Path) -> None:
    built = bom(sample_index(tmp_path))
    depends = dependencies(built)
    assert depends[XNNPACK] == sorted([LOCK, CHECKPOINT])
    assert depends[LOCK] == [
        "pkg:pypi/executorch@1.4.1",
        "pkg:pypi/torch@2.13.0",
        "pkg:pypi/torch@2.13.1",
    ]
    assert depends["tree"] == [XNNPACK.replace("xnnpack", "portable"), XNNPACK]
    lock = component(built, LOCK)
    assert lock["hashes"][0]["content"] == hashlib.sha256(LOCK_TEXT).hexdigest()
    assert component(built, "pkg:pypi/torch@2.13.0")["type"] == "library"


def test_seeded_weights_have_no_hash_and_say_so(tmp_path: Path) -> None:
    index = sample_index(tmp_path)
    for model in index["models"]:
        model["weights"].update(source="seeded", sha256=None)
    built = bom(index)
    assert VALIDATOR.validate_str(canonical_json(built)) is None
    seeded = component(built, CHECKPOINT.replace(SHA, "seeded"))
    assert "hashes" not in seeded
    assert {"name": "pte-foundry:weights", "value": "seeded"} in seeded["properties"]


def test_the_time_is_named_if_it_is_given(tmp_path: Path) -> None:
    assert "timestamp" not in bom(sample_index(tmp_path))["metadata"]
    built = bom(sample_index(tmp_path, generated="2026-01-02T03:04:05Z"))
    assert built["metadata"]["timestamp"] == "2026-01-02T03:04:05+00:00"


def test_the_commit_is_not_part_of_it(tmp_path: Path) -> None:
    index = sample_index(tmp_path)
    assert bom(index) == bom(index, source_commit="0a" * 20)


def test_the_serial_number_is_that_of_the_index(tmp_path: Path) -> None:
    index = sample_index(tmp_path)
    assert bom(index)["serialNumber"] == bom(index)["serialNumber"]
    assert bom(index)["serialNumber"] != bom(index, "2" * 64)["serialNumber"]


@pytest.mark.parametrize("seed", ["1", "2"])
def test_another_process_gives_equal_bytes(tmp_path: Path, seed: str) -> None:
    index = sample_index(tmp_path)
    (tmp_path / "index.json").write_text(canonical_json(index))
    program = (
        "import json, sys\n"
        "from pte_foundry.tree.provenance.bill_of_materials_test import bom\n"
        "print(json.dumps(bom(json.load(open(sys.argv[1]))), sort_keys=True))"
    )
    environment = {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONHASHSEED": seed,
        "TZ": "Asia/Tokyo",
    }
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "index.json")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(result.stdout) == bom(index)
    assert result.stdout == json.dumps(bom(index), sort_keys=True) + "\n"


def test_names_are_normalised_and_versions_that_differ_between_platforms_are_all_there() -> None:
    assert locked_packages(LOCK_TEXT.decode()) == (
        Package("executorch", "1.4.1"),
        Package("torch", "2.13.0"),
        Package("torch", "2.13.1"),
    )


def test_extras_and_odd_spellings() -> None:
    text = "Ruamel.Yaml_x[a,b]==1.0+cpu \\\n    --hash=sha256:00\n# comment==1\n"
    assert locked_packages(text) == (Package("ruamel-yaml-x", "1.0+cpu"),)
