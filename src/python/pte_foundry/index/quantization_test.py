from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pte_foundry.index.index import build_index
from pte_foundry.index.quantization import percent
from pte_foundry.index.schema import INDEX_SCHEMA
from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.indexes import artifact, int8_report, read_request, write_reports
from pte_foundry.tree.tree_readme import tree_readme

PATH = "mobilenet/mobilenet_v3_small_int8_xnnpack.pte"


def index(folder: Path) -> dict[str, Any]:
    """The index of one int8 program."""
    write_reports(folder, int8_report())
    return build_index(read_request(folder, artifacts=[artifact(0, PATH)]))


def test_an_entry_says_how_much_is_quantized(tmp_path: Path) -> None:
    built = index(tmp_path)
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
    built = index(tmp_path)
    built["models"][0]["quantization"].update(wrong)
    assert not Draft202012Validator(INDEX_SCHEMA).is_valid(built)


@pytest.mark.parametrize(
    ("compute", "told"),
    [
        (0.95, "int8 (99.8 % of weights, 95.0 % of compute)"),
        (0.0, "int8 (99.8 % of weights)"),
    ],
)
def test_the_readme_of_a_tree_says_it_too(tmp_path: Path, compute: float, told: str) -> None:
    built = index(tmp_path)
    built["models"][0]["quantization"]["compute_fraction"] = compute
    readme = tree_readme(Fields(built, "index.json"))
    assert f"| `{PATH}` | xnnpack | {told} | 10.23 |" in readme


@pytest.mark.parametrize(
    ("fraction", "told"),
    [(1.0, "100.0 %"), (0.999999, "99.9 %"), (0.951, "95.1 %"), (0.07, "7.0 %"), (0.0, "0.0 %")],
)
def test_percent_never_says_more_than_there_is(fraction: float, told: str) -> None:
    assert percent(fraction) == told
