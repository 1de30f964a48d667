"""Results that no process of ours writes, but another client of a cache could plant."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.engine.fs import DigestEntries, Directory, FileDigest, FileEntry, SymlinkEntry

from pte_build.cache_entry import expected_files, read_object
from pte_build.errors import PteBuildError

OWNER = Address("models/alpha", target_name="alpha_fast")
CONTENT = FileDigest("0a" * 32, 7)
OTHER = FileDigest("0b" * 32, 8)


def test_only_the_expected_files() -> None:
    entries = DigestEntries(
        [
            FileEntry("program.pte", CONTENT),
            FileEntry("sitecustomize.py", OTHER),
            FileEntry("../program.pte", OTHER),
            Directory("empty"),
        ]
    )
    assert expected_files(OWNER, entries, iter(["program.pte"])) == {"program.pte": CONTENT}


@pytest.mark.parametrize(
    "entry",
    [
        SymlinkEntry("program.pte", "/etc/passwd"),
        Directory("program.pte"),
        FileEntry("program.pte/program.pte", CONTENT),
    ],
)
def test_anything_but_a_plain_file_of_that_name(
    entry: FileEntry | SymlinkEntry | Directory,
) -> None:
    entries = DigestEntries([entry, FileEntry("facts.json", CONTENT)])
    with pytest.raises(PteBuildError) as caught:
        expected_files(OWNER, entries, ["facts.json", "program.pte"])
    message = str(caught.value)
    assert message.startswith(
        "models/alpha:alpha_fast: a cache returned a result without the file program.pte."
    )
    assert "--no-remote-cache-read" in message


def test_an_object_is_read() -> None:
    assert read_object(OWNER, "facts.json", b'{"a": 1}') == {"a": 1}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff"])
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(
        PteBuildError, match="a cache returned a facts.json that is not a JSON object"
    ):
        read_object(OWNER, "facts.json", content)
