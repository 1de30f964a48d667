from __future__ import annotations

from collections.abc import Sequence

import pytest

from pte_foundry.client.errors import NoArtifactError
from pte_foundry.client.index import Index, read_index
from pte_foundry.client.selection import select
from pte_foundry.records.declared import PLATFORMS
from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.published_tree import MODEL, VERSION, sample_index


@pytest.fixture(scope="module")
def index() -> Index:
    return read_index(Fields(sample_index(), "index.json"), VERSION)


def names(
    index: Index,
    model: str,
    platform: str,
    backends: Sequence[str] | None = None,
    precisions: Sequence[str] | None = None,
) -> list[str]:
    found = select(index, model, platform, backends, precisions)
    return [each.file.name.removeprefix(f"{MODEL}_").removesuffix(".pte") for each in found]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_platform_has_a_default(index: Index, platform: str) -> None:
    everywhere = ["xnnpack", "portable"]
    assert [name for name in names(index, MODEL, platform) if name in everywhere] == everywhere


def test_the_default_is_what_every_device_can_run(index: Index) -> None:
    assert names(index, MODEL, "ios") == ["coreml", "xnnpack", "portable"]
    assert names(index, MODEL, "android") == ["xnnpack", "portable"]


def test_the_order_of_backends_is_the_callers(index: Index) -> None:
    order = ["portable", "vulkan", "coreml", "xnnpack"]
    assert names(index, MODEL, "android", order) == ["portable", "vulkan", "xnnpack"]
    assert names(index, MODEL, "macos", order) == order


def test_a_precision_is_taken_only_if_asked_for(index: Index) -> None:
    assert names(index, MODEL, "linux", ["xnnpack"]) == ["xnnpack"]
    assert names(index, f"{MODEL}_int8", "linux") == ["int8_xnnpack"]
    assert names(index, MODEL, "linux", None, ["int8", "fp32"]) == [
        "int8_xnnpack",
        "xnnpack",
        "portable",
    ]
    assert names(index, MODEL, "ios", ["coreml", "xnnpack"], ["fp32", "int8", "fp16"]) == [
        "coreml",
        "xnnpack",
        "int8_xnnpack",
    ]


@pytest.mark.parametrize(
    ("model", "platform", "backends", "precisions", "told"),
    [
        ("absent", "linux", None, None, f"has no absent. Its models are {MODEL}$"),
        (
            MODEL,
            "linux",
            ["coreml"],
            None,
            r"with coreml\. For linux it has portable \(fp32\), vul",
        ),
        (MODEL, "linux", [], None, "with no backend at all"),
        (MODEL, "linux", None, ["int4"], "in int4. For linux"),
        (MODEL, "linux", ["qnn"], None, r"could not build qnn \(fp32\): no QNN SDK is set\. For"),
        (MODEL, "beos", None, None, "'beos' is not a platform. The platforms are android, ios,"),
    ],
)
def test_an_error_says_what_would_fit(
    index: Index,
    model: str,
    platform: str,
    backends: list[str] | None,
    precisions: list[str] | None,
    told: str,
) -> None:
    with pytest.raises(NoArtifactError, match=told):
        select(index, model, platform, backends, precisions)


def test_a_model_for_other_platforms_only() -> None:
    value = sample_index()
    value["models"] = [each for each in value["models"] if each["backend"] == "coreml"]
    index = read_index(Fields(value, "index.json"), VERSION)
    with pytest.raises(NoArtifactError, match="for other platforms only"):
        select(index, MODEL, "linux")
