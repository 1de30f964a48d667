from __future__ import annotations

import pytest

from pte_foundry.errors import PteError
from pte_foundry.index.versions import (
    SCHEMA_VERSION,
    check_schema_version,
    version_key,
    versions_document,
)
from pte_foundry.records.json_fields import Fields


def test_versions_sort_as_numbers_and_pre_releases_before_their_release() -> None:
    expected = ["1.4", "1.4.1", "1.9", "1.10.0a1", "1.10.0b1", "1.10.0rc2", "1.10.0rc10", "1.10.0"]
    backward = expected[::-1]
    assert sorted(backward, key=version_key) == expected
    assert version_key("1.4") == version_key("1.4.0") != version_key("1.4.1")


@pytest.mark.parametrize(
    "text",
    [
        *["", "1.", "v1.4", "1.4.1+cpu", "1.4.1.dev1", "..", "1.4\n", "1.٤"],
        *["1" * 5_000, "1." + "1" * 4_999, "1rc" + "1" * 5_000, "1" + ".1" * 5_000],
    ],
)
def test_an_unsupported_version_is_refused(text: str) -> None:
    with pytest.raises(PteError) as caught:
        version_key(text)
    assert caught.value.kind == "bad-version"
    assert len(caught.value.message) < 1_000


def test_the_latest_is_the_newest_final_release() -> None:
    assert versions_document(["1.10.0", "1.4.1", "1.9.0", "1.4.1"]) == {
        "versions": ["1.4.1", "1.9.0", "1.10.0"],
        "latest": "1.10.0",
    }
    assert versions_document(["1.4.1", "1.5.0rc1"])["latest"] == "1.4.1"
    assert versions_document(["1.5.0rc1", "1.5.0a1"])["latest"] == "1.5.0rc1"


@pytest.mark.parametrize("versions", [[], ["1.4", "1.4.0"]])
def test_no_version_and_one_version_twice_are_refused(versions: list[str]) -> None:
    with pytest.raises(PteError):
        versions_document(versions)


def test_our_own_version_is_read() -> None:
    check_schema_version(Fields({"schemaVersion": SCHEMA_VERSION}, "index.json"))


def test_a_newer_one_is_refused_with_what_to_do() -> None:
    newer = {"schemaVersion": SCHEMA_VERSION + 1}
    with pytest.raises(PteError, match="index.json has the schema version 2.*Upgrade") as caught:
        check_schema_version(Fields(newer, "index.json"))
    assert caught.value.kind == "newer-schema"


@pytest.mark.parametrize("index", [{}, {"schemaVersion": "1"}, {"schemaVersion": 0}])
def test_an_index_that_does_not_say_it_is_refused(index: dict[str, object]) -> None:
    with pytest.raises(PteError, match="schemaVersion"):
        check_schema_version(Fields(index, "index.json"))
