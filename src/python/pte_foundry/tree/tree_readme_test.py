from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.indexes import INT8, int8_index, sample_index
from pte_foundry.tree.tree_readme import _percent, tree_readme


@pytest.fixture()
def index(tmp_path: Path) -> dict[str, Any]:
    return sample_index(tmp_path)


def readme(index: dict[str, Any]) -> str:
    return tree_readme(Fields(index, "index.json"))


def test_every_artifact_its_licence_and_what_is_unavailable_are_named(
    index: dict[str, Any],
) -> None:
    text = readme(index)
    assert "\n# ExecuTorch 1.4.1 programs\n" in text
    for model in index["models"]:
        assert f"| `1.4.1/mobilenet/{model['name']}` | {model['backend']} | fp32 | 10.23 |" in text
    assert "- BSD-3-Clause: `mobilenet_v3_small_portable.pte`, `mobilenet_v3_small_xnn" in text
    assert "| `models/mobilenet:mobilenet_v3_small_qnn` | no QNN SDK is set |" in text


def test_official_weights_need_no_warning(index: dict[str, Any]) -> None:
    assert "WARNING" not in readme(index)


@pytest.mark.parametrize("source", ["seeded", "substitute"])
def test_other_weights_are_announced_loudly(index: dict[str, Any], source: str) -> None:
    index["models"][1]["weights"]["source"] = source
    text = readme(index)
    assert f"WARNING: NOT OFFICIAL WEIGHTS.** 1 of 2 are **{source}**" in text


def test_a_text_cannot_break_out_of_its_cell(index: dict[str, Any]) -> None:
    index["models"][0]["weights"]["description"] = "fine | tuned\n<script>"
    assert "fine \\| tuned &lt;script>" in readme(index)


@pytest.mark.parametrize(
    ("compute", "told"),
    [
        (0.95, "int8 (99.8 % of weights, 95.0 % of compute)"),
        (0.0, "int8 (99.8 % of weights)"),
    ],
)
def test_an_int8_program_says_how_much_is_quantized(
    tmp_path: Path, compute: float, told: str
) -> None:
    built = int8_index(tmp_path)
    built["models"][0]["quantization"]["compute_fraction"] = compute
    assert f"| `1.4.1/{INT8}` | xnnpack | {told} | 10.23 |" in readme(built)


@pytest.mark.parametrize(
    ("fraction", "told"),
    [(1.0, "100.0 %"), (0.999999, "99.9 %"), (0.951, "95.1 %"), (0.07, "7.0 %"), (0.0, "0.0 %")],
)
def test_a_percentage_is_never_rounded_up(fraction: float, told: str) -> None:
    assert _percent(fraction) == told
