from __future__ import annotations

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.paths import LONGEST_PART, LONGEST_PATH, check_path, collisions


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "1.4.1/mobilenet/x_xnnpack.pte",
        "LICENSES/AGPL-3.0-only.txt",
        "a..b/c.d",
        "console.txt",
        "com10/lpt.txt/nulx",
        "a" * LONGEST_PART,
        "/".join(["abc"] * (LONGEST_PATH // 4)),
    ],
)
def test_plain_relative_paths_pass(path: str) -> None:
    assert check_path(path, "here") == path


NOT_PLAIN = ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a b", "a\n", "a\\b", "-a", "é", "a?b"]
NOT_WINDOWS = [
    "CON",
    "nul.txt",
    "LICENSES/aux.txt",
    "prn/x",
    "a/Com1",
    "LPT9.a.b",
    "a.",
    "a./b",
    "a .",
]
TOO_LONG = ["a" * (LONGEST_PART + 1), "/".join(["a" * 60] * 4), "a" * 1_000_000]
OTHERS = ["C:/x", "C:", "e\u0301", "\udcff", "a\x00", "a\u202eb", "a/./b", "a\x1b", "a:b", "~a"]


@pytest.mark.parametrize("path", [*NOT_PLAIN, *NOT_WINDOWS, *TOO_LONG, *OTHERS])
def test_everything_else_is_refused(path: str) -> None:
    with pytest.raises(PteError, match="here") as caught:
        check_path(path, "here")
    assert caught.value.kind == "bad-path"
    assert len(caught.value.message) < 1_000


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a", "b", "a/b"], []),
        (["README.md", "readme.md"], [("readme.md", "README.md")]),
        (["a/x", "A/y"], [("a", "A")]),
        (["a/b/x", "a/B/x"], [("a/b", "a/B"), ("a/b/x", "a/B/x")]),
        (["\u00e9", "e\u0301"], [("\u00e9", "e\u0301")]),
        (["stra\u00dfe", "STRASSE"], [("stra\u00dfe", "STRASSE")]),
    ],
)
def test_paths_that_are_the_same_elsewhere_are_found(
    paths: list[str], expected: list[tuple[str, str]]
) -> None:
    assert list(collisions(paths)) == expected
