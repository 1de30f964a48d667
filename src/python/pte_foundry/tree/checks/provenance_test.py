"""A statement or a bill of materials that does not match a tree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pte_foundry.testing.sample_tree import XNNPACK, edit_json, found
from pte_foundry.tree.tree_files import BILL_OF_MATERIALS, PROVENANCE


def test_the_statement_vouches_for_what_was_measured(tree: Path) -> None:
    picture = "measured/mobilenet_v3_small.svg"
    (tree / picture).write_text("<svg/>")
    (tree / "measured/other.svg").write_text("<svg/>")
    (tree / "measured/other.html").write_text("extra")
    expected = {(picture, "subject"), ("measured/other.svg", "subject")}
    assert found(tree) == {
        *expected,
        ("measured/other.html", "extra"),
        ("measured/other.html", "subject"),
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda statement: statement["subject"][0]["digest"].update(sha256="0" * 64),
        lambda statement: statement["subject"].pop(0),
        lambda statement: statement["subject"].append(
            {"name": "1.4.1/index.jso", "digest": {"sha256": "0" * 64}}
        ),
    ],
)
def test_a_statement_about_other_files(tree: Path, change: Callable[[Any], None]) -> None:
    edit_json(tree, PROVENANCE, change)
    assert {kind for _, kind in found(tree)} == {"subject"}


@pytest.mark.parametrize(
    "change",
    [
        lambda statement: statement.update(_type="https://in-toto.io/Statement/v0.1"),
        lambda statement: statement.update(predicateType="https://example.org"),
        lambda statement: statement["predicate"].update(buildType=1),
        lambda statement: statement.update(predicate=[]),
        lambda statement: statement.update(subject=[]),
        lambda statement: statement.clear(),
    ],
)
def test_a_malformed_statement(tree: Path, change: Callable[[Any], None]) -> None:
    edit_json(tree, PROVENANCE, change)
    assert (PROVENANCE, "schema") in found(tree)


def test_a_bill_of_materials_with_another_hash_or_without_a_program(tree: Path) -> None:
    def change(bom: Any) -> None:
        (xnnpack,) = (each for each in bom["components"] if each["bom-ref"] == XNNPACK)
        xnnpack["hashes"][0]["content"] = "0" * 64

    edit_json(tree, BILL_OF_MATERIALS, change)
    assert (XNNPACK, "part") in found(tree)


@pytest.mark.parametrize(
    "text", ["{", "{}", '{"bomFormat": "CycloneDX", "specVersion": "1.6", "x": 1}']
)
def test_a_malformed_bill_of_materials(tree: Path, text: str) -> None:
    (tree / BILL_OF_MATERIALS).write_text(text)
    assert (BILL_OF_MATERIALS, "schema") in found(tree)
