from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.evaluation.kept_answers import kept_answers

OURS = {"program": "0a"}
A, B = "a" * 64, "b" * 64


def read(path: Path, whose: dict[str, str] = OURS) -> dict[str, object]:
    with kept_answers(path, whose) as kept:
        return dict(kept.answers)


def test_answers_are_there_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    with kept_answers(path, OURS) as kept:
        assert kept.answers == {}
        kept.add(A, [1, 2])
        # Already, should this process be killed.
        assert path.read_text().count("\n") == 2
        kept.add(B, "text")
    assert read(path) == {A: [1, 2], B: "text"}


def test_those_of_another_program_are_not_read(tmp_path: Path) -> None:
    with kept_answers(tmp_path / "file", OURS) as kept:
        kept.add(A, 1)
    assert read(tmp_path / "file", {"program": "0b"}) == {}
    assert read(tmp_path / "file") == {}


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "file"
    with kept_answers(path, OURS) as kept:
        kept.add(A, 1)
        kept.add(B, 2)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with kept_answers(path, OURS) as kept:
        assert kept.answers == {A: 1}
        kept.add(B, 2)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("spoilt", [b"", b"{", b"\x00\xff\n", b"[]\n", b"null\n"])
def test_a_file_that_is_none(tmp_path: Path, spoilt: bytes) -> None:
    (tmp_path / "file").write_bytes(spoilt)
    with kept_answers(tmp_path / "file", OURS) as kept:
        assert kept.answers == {}
        kept.add(A, 1)
    assert read(tmp_path / "file") == {A: 1}


def test_two_at_once(tmp_path: Path) -> None:
    path, told = tmp_path / "file", "another evaluation writes to it"
    with kept_answers(path, OURS), pytest.raises(PteError, match=told), kept_answers(path, OURS):
        pass
    assert read(path) == {}
