"""The committed indexes match their schema, and the app that reads them finds every model on each of its platforms,
under the ExecuTorch version that can load it.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from committed_index.flutter_reader import ReaderIndex, ReadError, read_index, read_versions
from pte_foundry.index.schema import INDEX_SCHEMA
from pte_foundry.index.versions import versions_document
from pte_foundry.publishing.flat_release import check_names, rewritten

ALL = ("android", "ios", "linux", "macos", "web", "windows")
APPLE = ("ios", "macos")
PLATFORMS = {
    "portable": ALL,
    "xnnpack": ALL,
    "coreml": APPLE,
    "mps": APPLE,
    "vulkan": ("android", "ios", "linux", "macos", "windows"),
    "qnn": ("android",),
}
MODELS = {
    "mobilenet": ("mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"),
    "ssdlite": ("ssdlite320_mobilenet_v3_large",),
    "yolo": ("yolo11n", "yolov8n", "yolov5n"),
    "yolo_pose": ("yolo11n_pose", "yolov8n_pose"),
    "pe_core": (
        "pe_core_t16_384",
        "pe_core_s16_384",
        "pe_core_b16_224",
        "pe_spatial_t16_512",
        "pe_spatial_s16_512",
    ),
}
# In the backend's default precision, each model has all of them, except where an SDK is not set.
BACKENDS = {
    "1.5.1": ("portable", "xnnpack", "coreml", "vulkan", "qnn"),
    # The last version that has it.
    "1.4.1": ("mps",),
}


@pytest.fixture(params=[True, False], ids=["strict", "later"])
def read(request: Any, index: dict[str, Any]) -> ReaderIndex:
    return read_index(index, strict=request.param)


def test_each_version_has_its_backends(indexes: tuple[dict[str, Any], ...]) -> None:
    found = {
        index["version"]: {entry["backend"] for entry in (*index["models"], *index["unavailable"])}
        for index in indexes
    }
    assert found == {version: set(backends) for version, backends in BACKENDS.items()}
    assert list(found) == list(BACKENDS)


def test_every_program_is_made_with_its_own_version(index: dict[str, Any]) -> None:
    assert index["executorchVersion"] == index["version"]
    assert {model["toolchain"]["executorch"] for model in index["models"]} == {index["version"]}


def test_every_model_is_on_every_platform_of_each_of_its_backends(
    read: ReaderIndex, index: dict[str, Any]
) -> None:
    unavailable = {
        (entry["model"], entry["backend"])
        for entry in index["unavailable"]
        if entry["precision"] != "int8"
    }
    for category, models in MODELS.items():
        for model, backend in itertools.product(models, BACKENDS[read.version]):
            if (model, backend) in unavailable:
                continue
            for platform in ALL:
                keys = {each.cache_key for each in read.models_for(platform)}
                expected = platform in PLATFORMS[backend]
                assert (f"{model}_{backend}" in keys) is expected, (category, platform)


def test_only_what_needs_an_sdk_is_unavailable_in_its_default_precision(
    index: dict[str, Any],
) -> None:
    unavailable = {
        entry["backend"] for entry in index["unavailable"] if entry["precision"] != "int8"
    }
    assert unavailable == {"qnn"} & set(BACKENDS[index["version"]])


def test_every_artifact_is_on_the_platforms_of_its_backend(read: ReaderIndex) -> None:
    for model in read.models:
        assert sorted(model.platforms) == sorted(PLATFORMS[model.backend]), model.name
        assert model.category in MODELS


def test_the_cache_key_is_the_files_stem_and_unique(read: ReaderIndex) -> None:
    keys = [model.cache_key for model in read.models]
    assert [f"{key}.pte" for key in keys] == [model.name for model in read.models]
    assert len(set(keys)) == len(keys)
    # Consumers take a file's last part for its backend.
    assert all(model.name[:-4].rpartition("_")[2] == model.backend for model in read.models)


def test_an_address_leads_into_the_versions_folder(read: ReaderIndex) -> None:
    assert read.base_url == "."
    for model in read.models:
        assert model.remote_url == f"{read.version}/{model.category}/{model.name}"


def test_sizes_are_plausible(read: ReaderIndex) -> None:
    for model in read.models:
        assert model.size > 1_000_000 and model.size_mb == pytest.approx(model.size / 1e6, abs=0.01)
        assert model.input_size in (224, 320, 384, 512, 640)
        assert model.hash is not None and len(model.hash) == 64


def test_labels_are_found_by_model_and_by_category(read: ReaderIndex) -> None:
    assert read.labels == {
        family: f"{read.version}/{family}/{name}"
        for family, name in (
            ("mobilenet", "labels.txt"),
            ("ssdlite", "labels.txt"),
            ("yolo", "labels.txt"),
            ("yolo_pose", "pose_labels.txt"),
        )
    }
    for model in read.models:
        assert model.labels_remote_url == read.labels.get(model.category)


def test_versions_are_read_and_ordered_as_versions(indexes: tuple[dict[str, Any], ...]) -> None:
    versions = [index["version"] for index in indexes]
    found = read_versions(versions_document(["1.10.0", "1.9.0", *versions]))
    assert found.versions == ("1.4.1", "1.5.1", "1.9.0", "1.10.0")
    assert found.latest == "1.10.0"
    assert read_versions(versions_document(versions)).latest == versions[0]


@pytest.mark.parametrize(
    ("change", "field", "later_too"),
    [
        (lambda index: index["models"][0].update(size=1.0), "size", True),
        (lambda index: index["models"][0].update(size="1"), "size", True),
        (lambda index: index["models"][0].update(sizeMB="1"), "sizeMB", True),
        (lambda index: index["models"][0].update(platforms=[1]), "platforms", True),
        (lambda index: index["models"][0].pop("modelName"), "modelName", True),
        (lambda index: index["models"][0].pop("hash"), "hash", False),
        (lambda index: index.pop("generated"), "generated", False),
        (lambda index: index.pop("backends"), "backends", False),
        (lambda index: index["labels"][0].pop("hash"), "hash", False),
        (lambda index: index.pop("version"), "version", True),
    ],
)
def test_the_readers_refuse_what_the_app_would_throw_at(
    index: dict[str, Any], change: Callable[[Any], None], field: str, later_too: bool
) -> None:
    broken = copy.deepcopy(index)
    change(broken)
    with pytest.raises(ReadError, match=field):
        read_index(broken, strict=True)
    if later_too:
        with pytest.raises(ReadError, match=field):
            read_index(broken, strict=False)
    else:
        read_index(broken, strict=False)


def test_it_matches_the_schema(index: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(INDEX_SCHEMA)
    Draft202012Validator(INDEX_SCHEMA).validate(index)


def test_it_says_that_its_weights_are_seeded(index: dict[str, Any]) -> None:
    assert index["weightsSources"] == ["seeded"]
    assert {model["weights"]["source"] for model in index["models"]} == {"seeded"}


def test_each_artifact_names_its_licence(index: dict[str, Any]) -> None:
    licences = {model["category"]: model["license"] for model in index["models"]}
    assert licences == {
        "mobilenet": "BSD-3-Clause",
        "pe_core": "Apache-2.0",
        "ssdlite": "BSD-3-Clause",
        "yolo": "AGPL-3.0-only",
        "yolo_pose": "AGPL-3.0-only",
    }


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "later"])
def test_in_a_release_on_github_every_address_is_that_of_an_asset(
    indexes: tuple[dict[str, Any], ...], strict: bool
) -> None:
    address = "https://github.com/ada/models/releases/download/v1.5.1-0123456789ab"
    texts = {f"{index['version']}/index.json": json.dumps(index).encode() for index in indexes}
    assets = rewritten(BACKENDS, lambda path: texts[path], address)
    assert read_versions(json.loads(assets["versions.json"])).latest == "1.5.1"
    assert assets["index.json"] == assets["1.5.1--index.json"]
    for index in indexes:
        document = json.loads(assets[f"{index['version']}--index.json"])
        Draft202012Validator(INDEX_SCHEMA).validate(document)
        found = read_index(document, strict=strict)
        assert found.base_url == address
        urls = [model.remote_url for model in found.models]
        assert len(set(urls)) == len(urls) == len(index["models"])
        urls += [url for model in found.models if (url := model.labels_remote_url) is not None]
        urls += found.labels.values()
        assert {url.rpartition("/")[0] for url in urls} == {address}
        paths = [url.rpartition("/")[2].replace("--", "/") for url in urls]
        assert {path.count("/") for path in paths} == {2}
        check_names(paths, "here")
