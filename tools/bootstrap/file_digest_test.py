from __future__ import annotations

from pathlib import Path

import pytest
from errors import PreparationError
from file_digest import matches, require_match

# FIPS 180-2, appendix B.1: SHA-256 of "abc".
_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_matches_needs_hash_and_size(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    assert not matches(path, _ABC, 3)
    path.write_bytes(b"abc")
    assert matches(path, _ABC, 3)
    assert not matches(path, _ABC, 4)
    path.write_bytes(b"abd")
    assert not matches(path, _ABC, 3)


def test_the_error_shows_both_hashes_and_the_advice(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    require_match(path, _ABC, 3, "unused")
    with pytest.raises(
        PreparationError, match=f"wrong hash: abc has sha256 {_ABC}.*{'0' * 64}"
    ) as caught:
        require_match(path, "0" * 64, 3, "Look at the mirror.")
    assert str(caught.value).endswith("Look at the mirror.")
