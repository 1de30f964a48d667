from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.indexes import sample_index
from pte_foundry.tree.hub_metadata import hub_metadata
from pte_foundry.tree.tree_readme import tree_readme


@pytest.fixture()
def index(tmp_path: Path) -> dict[str, Any]:
    return sample_index(tmp_path)


def metadata(index: dict[str, Any]) -> Any:
    """What a reader of YAML takes from the beginning of the README."""
    text = tree_readme(Fields(index, "index.json"))
    assert text.startswith(hub_metadata(Fields(index, "index.json")) + "\n\n# ExecuTorch 1.4.1")
    _, block, _ = text.split("---\n", 2)
    return yaml.safe_load(block)


def test_one_licence_has_the_hubs_name(index: dict[str, Any]) -> None:
    assert metadata(index) == {
        "library_name": "executorch",
        "license": "bsd-3-clause",
        "tags": ["executorch", "portable", "xnnpack"],
    }


@pytest.mark.parametrize(
    ("spdx", "name"),
    [("AGPL-3.0-only", "agpl-3.0"), ("GPL-2.0-or-later", "gpl-2.0"), ("Apache-2.0", "apache-2.0")],
)
def test_the_hubs_names_say_nothing_of_later_versions(
    index: dict[str, Any], spdx: str, name: str
) -> None:
    for model in index["models"]:
        model["license"] = spdx
    assert metadata(index)["license"] == name


@pytest.mark.parametrize(
    ("licenses", "name"),
    [
        (("MIT", "AGPL-3.0-only"), "agpl-3.0-only-and-mit"),
        (("LicenseRef-Ours", "LicenseRef-Ours"), "licenseref-ours"),
    ],
)
def test_other_licences_are_named(
    index: dict[str, Any], licenses: tuple[str, str], name: str
) -> None:
    for model, license_id in zip(index["models"], licenses):
        model["license"] = license_id
    found = metadata(index)
    assert (found["license"], found["license_name"]) == ("other", name)
    assert found["license_link"] == "README.md"
