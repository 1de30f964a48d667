from __future__ import annotations

from bench.benchmarks.second_checkout import differing_files


def test_files_differ_by_content_and_by_absence() -> None:
    first = {"same.pte": b"1", "other.pte": b"1", "gone.json": b""}
    second = {"same.pte": b"1", "other.pte": b"2", "new.json": b""}
    assert differing_files(first, second) == ["gone.json", "new.json", "other.pte"]
    assert differing_files(first, dict(first)) == []
