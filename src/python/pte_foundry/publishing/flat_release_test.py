from __future__ import annotations

import json

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.flat_release import asset_name, check_names, rewritten, tree_path

ADDRESS = "https://github.com/ada/models/releases/download/v1"
NAMES = {
    "1.5.1/yolo/yolo11n_xnnpack.pte": "1.5.1--yolo--yolo11n_xnnpack.pte",
    "SHA256SUMS": "SHA256SUMS",
    "LICENSES/AGPL-3.0-only.txt": "LICENSES--AGPL-3.0-only.txt",
    "versions.json": "tree--versions.json",
    "index.json": "tree--index.json",
    "1.5.1/index.json": "tree--1.5.1--index.json",
    "index.schema.json": "index.schema.json",
    "1.5.1/yolo/index.json": "1.5.1--yolo--index.json",
}


@pytest.mark.parametrize("path", NAMES)
def test_names_lead_back_to_paths(path: str) -> None:
    assert asset_name(path) == NAMES[path]
    assert tree_path(NAMES[path]) == path
    check_names([path], "here")


@pytest.mark.parametrize("name", ["versions.json", "index.json", "1.5.1--index.json"])
def test_what_is_rewritten_is_no_file_of_the_tree(name: str) -> None:
    assert tree_path(name) is None


@pytest.mark.parametrize("path", ["a--b/c", "tree/x", "a-/b", "tree--versions.json"])
def test_a_name_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(PteError, match=r"^refused: here: assets have no folders"):
        check_names(["README.md", path], "here")


def test_every_version_has_an_index_with_addresses_of_assets() -> None:
    def read(path: str) -> bytes:
        version = path.split("/")[0]
        program = {"name": "a_xnnpack.pte", "category": "toy", "labelsFile": None, "kept": version}
        labelled = {**program, "name": "b_xnnpack.pte", "labelsFile": "labels.txt"}
        labels = [{"name": "labels.txt", "category": "toy"}]
        index = {"baseUrl": ".", "models": [program, labelled], "labels": labels}
        return json.dumps(index).encode()

    documents = {
        name: json.loads(text)
        for name, text in rewritten(["1.9.0", "1.10.0"], read, ADDRESS).items()
    }
    assert documents.keys() == {
        "versions.json",
        "index.json",
        "1.9.0--index.json",
        "1.10.0--index.json",
    }
    assert documents["versions.json"] == {
        "versions": ["1.9.0", "1.10.0"],
        "latest": "1.10.0",
        "indexes": {"1.9.0": "1.9.0--index.json", "1.10.0": "1.10.0--index.json"},
    }
    assert documents["index.json"] == documents["1.10.0--index.json"]
    index = documents["1.9.0--index.json"]
    assert index["baseUrl"] == ADDRESS
    program, labelled = index["models"]
    assert program["remoteUrl"] == f"{ADDRESS}/1.9.0--toy--a_xnnpack.pte"
    assert program["kept"] == "1.9.0"
    assert "labelsRemoteUrl" not in program
    labels = f"{ADDRESS}/1.9.0--toy--labels.txt"
    assert labelled["labelsRemoteUrl"] == labels
    assert index["labels"][0]["remoteUrl"] == labels
