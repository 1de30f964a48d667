from __future__ import annotations

import hashlib

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.tree_content import TreeContent, check_content

FILES = {"a.txt": b"a", "1.10.0/index.json": b"{}", "1.9.0/index.json": b"{}"}
SHA256 = {path: hashlib.sha256(content).hexdigest() for path, content in FILES.items()}
SUMS = "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(SHA256.items()))


def check(sums: str = SUMS, **more: str) -> TreeContent:
    """A tree of FILES with these sums; `more` are further paths and their kinds."""
    files = {**FILES, "SHA256SUMS": sums.encode()}
    kinds = {**dict.fromkeys(files, "file"), **more}
    return check_content(
        "here",
        kinds,
        files.__getitem__,
        lambda path: hashlib.sha256(files[path]).hexdigest(),
        "Do something",
    )


def test_a_tree() -> None:
    content = check(**{"tree.sig": "file"})
    assert content.sums == SHA256
    assert content.loose == {"tree.sig"}
    assert content.versions == {"1.9.0", "1.10.0"}
    assert content.latest == "1.10.0"


@pytest.mark.parametrize(
    ("sums", "expected"),
    [
        (SUMS + f"{'0' * 64}  a.txt\n", "SHA256SUMS line 4 lists 'a.txt' a second time"),
        (SUMS + f"{'0' * 64}  tree.sig\n", "lists tree.sig, which it does not cover"),
        (f"{'0' * 64}  ../a.txt\n" + SUMS, "'../a.txt' is not a plain relative path"),
        (f"{'0' * 64}  /etc/passwd\n" + SUMS, "not a plain relative path"),
        (SUMS + f"{'0' * 64} *a.txt\n", "SHA256SUMS line 4 is not `<64"),
        (SUMS + f"{'0' * 64}  b.txt\n", "b.txt is missing"),
        (SUMS.replace(SHA256["a.txt"], "0" * 64), f"a.txt has SHA-256 {SHA256['a.txt']}, but"),
    ],
)
def test_sums_that_do_not_hold(sums: str, expected: str) -> None:
    with pytest.raises(PteError) as caught:
        check(sums)
    assert expected in str(caught.value)
    assert "here: " in str(caught.value)


def test_problems_are_listed_up_to_a_number() -> None:
    with pytest.raises(PteError) as caught:
        check(**{f"x{number:02}": "file" for number in range(30)})
    message = str(caught.value)
    assert "x00 is not in SHA256SUMS; x01 is not" in message
    assert message.endswith("x19 is not in SHA256SUMS; and 10 more. Do something")
