from __future__ import annotations

import hashlib

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.release import is_release_name, release_name


def test_the_name_has_the_version_and_the_hash_of_the_sums() -> None:
    assert hashlib.sha256(b"").hexdigest().startswith("e3b0c44298fc1c14")
    assert release_name("1.4.1", b"") == "v1.4.1-e3b0c44298fc"
    assert release_name("1.10.0rc2", b"\n") != release_name("1.10.0rc2", b"")


@pytest.mark.parametrize("version", ["", "..", "1.4.1/x", "v1"])
def test_what_is_no_version_makes_no_name(version: str) -> None:
    with pytest.raises(PteError, match="bad-version"):
        release_name(version, b"")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v1.4.1-e3b0c44298fc", True),
        ("v1.10.0rc2-e3b0c44298fc", True),
        ("v1.4.1-e3b0c44298f", False),
        ("v1.4.1-e3b0c44298fc1", False),
        ("v1.4.1-E3B0C44298FC", False),
        ("v1.4.1", False),
        ("../v1.4.1-e3b0c44298fc", False),
        ("v1.4.1-e3b0c44298fc\n", False),
        (".partial", False),
    ],
)
def test_names_are_recognised(text: str, expected: bool) -> None:
    assert is_release_name(text) is expected
