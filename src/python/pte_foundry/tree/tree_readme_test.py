from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pte_foundry.index.index import build_index
from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.indexes import read_request, write_reports
from pte_foundry.tree.tree_readme import tree_readme


@pytest.fixture()
def index(tmp_path: Path) -> dict[str, Any]:
    write_reports(tmp_path)
    return build_index(read_request(tmp_path))


def readme(index: dict[str, Any]) -> str:
    return tree_readme(Fields(index, "index.json"))


def test_every_artifact_its_licence_and_what_is_unavailable_are_named(
    index: dict[str, Any],
) -> None:
    text = readme(index)
    assert text.startswith("# ExecuTorch 1.4.1 programs\n")
    for model in index["models"]:
        assert f"| `mobilenet/{model['name']}` | {model['backend']} | fp32 | 10.23 |" in text
    assert "- BSD-3-Clause: `mobilenet_v3_small_portable.pte`, `mobilenet_v3_small_xnn" in text
    assert "| `models/mobilenet:mobilenet_v3_small_qnn` | no QNN SDK is set |" in text


def test_official_weights_need_no_warning(index: dict[str, Any]) -> None:
    assert "WARNING" not in readme(index)


@pytest.mark.parametrize("source", ["seeded", "substitute"])
def test_other_weights_are_told_loudly(index: dict[str, Any], source: str) -> None:
    index["models"][1]["weights"]["source"] = source
    text = readme(index)
    assert f"WARNING: NOT OFFICIAL WEIGHTS.** 1 of 2 are **{source}**" in text


def test_a_text_cannot_break_out_of_its_cell(index: dict[str, Any]) -> None:
    index["models"][0]["weights"]["description"] = "fine | tuned\n<script>"
    assert "fine \\| tuned &lt;script>" in readme(index)
